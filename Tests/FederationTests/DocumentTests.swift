import Foundation
import P2PCore
import Testing

@testable import Federation

/// The session that PROTOCOL.md shows byte by byte, made by the code.
@Suite("The protocol's document")
struct DocumentTests {
  private static func document() throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("Sources/Federation/PROTOCOL.md"), encoding: .utf8)
  }

  @Test("shows the session that the code speaks")
  func dump() throws {
    let dump = try SessionDump().text
    #expect(try Self.document().contains(dump), "Sources/Federation/PROTOCOL.md lacks this session:\n\(dump)")
  }

  @Test("lists every code with its number, its word and whether it is permanent")
  func codes() throws {
    let document = try Self.document()
    for code in RejectCode.known {
      let row = "| \(code.number) | `\(code.word)` | \(code.isPermanent ? "yes" : "no") |"
      #expect(document.contains(row), "PROTOCOL.md lacks \(row)")
    }
  }

  @Test("names the limits and times that the code has")
  func limits() throws {
    let document = try Self.document()
    let seconds = [
      FederationProtocol.handshakeTimeout, FederationProtocol.rejectedTimeout, FederationProtocol.keepAliveInterval,
      FederationProtocol.keepAliveReplyTimeout,
    ].map { $0.components.seconds }
    for row in [
      "| hello, accept or reject frame | 4,096 bytes |", "| versions in a list | 16 |",
      "| capabilities in a list | 32 |",
      "| hello after the negotiation | \(seconds[0]) s |", "| answer after the hello | \(seconds[0]) s |",
      "| end of the stream after a reject | \(seconds[1]) s |", "| between keep-alives | \(seconds[2]) s |",
      "| reply to a keep-alive | \(seconds[3]) s |",
      "| keep-alives without a reply in a row | \(FederationProtocol.keepAliveMissesMax) |",
    ] {
      #expect(document.contains(row), "PROTOCOL.md lacks \(row)")
    }
    #expect(FederationProtocol.handshakeFrameMax == 4_096)
    #expect(VersionedProtocol.versionsMaximum == 16)
    #expect(FieldRules.capabilitiesMax == 32)
  }
}

/// All bytes of one stream, with what they mean.
private struct SessionDump {
  private(set) var text = ""

  init() throws {
    let ours = try Offer(network: "regtest", agent: "fednode/0.4.0", capabilities: ["escrow"])
    let theirs = try Offer(network: "regtest", agent: "other/2.1", capabilities: ["archive", "escrow"])
    let id = ours.spoken.ids[0]
    let initiator = MultistreamInitiator(protocols: [id])
    var handshake = HandshakeInitiator(offer: ours)
    let proposal = initiator.start()
    let hello = handshake.start(nowMilliseconds: begin)
    self.flight("initiator, one flight")
    self.lines(proposal)
    try self.frame(hello)

    var buffer = proposal
    var multistream = MultistreamResponder()
    guard case .agreed(id, let echo) = try multistream.receive(&buffer, supports: { $0 == id }) else {
      throw CancellationError()
    }
    var responder = HandshakeResponder(offer: theirs, protocolID: id)
    let answer = responder.received(
      hello, isMember: true, bytesBehind: false, receivedMilliseconds: begin + 32, nowMilliseconds: begin + 33)
    guard case .accept(let theirAgreement, let accept) = answer,
      case .agreed(let agreement) = handshake.received(accept, protocolID: id, nowMilliseconds: begin + 25)
    else { throw CancellationError() }
    self.flight("responder, one flight")
    self.lines(echo)
    try self.frame(accept)

    var here = Session(agreement, now: .zero)
    var there = Session(theirAgreement, now: .zero)
    guard case .send(let request, _) = here.timer(now: .zero, nowMilliseconds: begin + 25),
      case .send(let other, _) = there.timer(now: .zero, nowMilliseconds: begin + 33),
      case .send(let reply) = there.received(request, now: .zero, nowMilliseconds: begin + 57),
      case .send(let otherReply) = here.received(other, now: .zero, nowMilliseconds: begin + 25)
    else { throw CancellationError() }
    self.flight("initiator")
    try self.frame(request)
    try self.frame(otherReply)
    self.flight("responder")
    try self.frame(other)
    try self.frame(reply)
  }

  private mutating func flight(_ name: String) { self.text += "\(self.text.isEmpty ? "" : "\n")\(name)\n" }

  private mutating func line(_ bytes: some Collection<UInt8>, _ words: String) {
    // 16 bytes a line.
    var rest = Array(bytes)
    var words = words
    while !rest.isEmpty {
      let digits = rest.prefix(16).map { hex([$0]) }.joined(separator: " ")
      let padding = String(repeating: " ", count: 50 - digits.count)
      self.text += words.isEmpty ? "  \(digits)\n" : "  \(digits)\(padding)\(words)\n"
      rest.removeFirst(min(16, rest.count))
      words = ""
    }
  }

  /// Lines of multistream-select.
  private mutating func lines(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while let length = rest.first {
      let text = String(decoding: rest.dropFirst().prefix(Int(length) - 1), as: UTF8.self)
      self.line(rest.prefix(1), "a line of \(length) bytes")
      self.line(rest.dropFirst().prefix(Int(length)), "\"\(text)\\n\"")
      rest = rest.dropFirst(Int(length) + 1)
    }
  }

  private static let names = [
    "hello": ["versions", "network", "agent", "capabilities", "frame_limit", "time_ms"],
    "accept": ["version", "versions", "agent", "capabilities", "frame_limit", "hello_received_ms", "time_ms"],
    "keep_alive": ["number", "time_ms"], "keep_alive_reply": ["number", "time_ms", "received_ms", "sent_ms"],
  ]

  /// A frame with one message.
  private mutating func frame(_ frame: [UInt8]) throws {
    let message = try #require(try Message(frame: frame))
    let names = try #require(Self.names[message.name])
    let length = VarintFramer.frame(frame).dropLast(frame.count)
    self.line(length, "a frame of \(frame.count) bytes")
    var reader = ProtobufReader(frame)
    #expect(try reader.next() != nil)
    let body = try reader.bytes()
    self.line(frame.dropLast(body.count), "field \(frame[0] >> 3), \(message.name), \(body.count) bytes")
    var fields = ProtobufReader(body)
    while let field = try fields.next() {
      var writer = ProtobufWriter()
      let name = names[Int(field) - 1]
      switch fields.wireType {
      case .varint:
        let number = try fields.varint()
        writer.varint(field, number)
        self.line(writer.bytes, "  \(name) = \(number)")
      case .delimited:
        let text = try fields.string()
        writer.string(field, text)
        self.line(writer.bytes, "  \(name) = \"\(text)\"")
      case .fixed32, .fixed64: return
      }
    }
  }
}
