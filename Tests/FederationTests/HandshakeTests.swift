import P2PCore
import P2PHost
import Testing

@testable import Federation

@Suite("A handshake")
struct HandshakeTests {
  /// Both sides, with one message each way.
  private static func meet(
    _ ours: Offer, _ theirs: Offer, isMember: Bool = true
  ) throws -> (HandshakeInitiator.OnFrame, HandshakeResponder.OnFrame) {
    let best = try #require(ours.spoken.best(inCommonWith: theirs.spoken.versions))
    let id = ours.spoken.id(of: best)
    var initiator = HandshakeInitiator(offer: ours)
    var responder = HandshakeResponder(offer: theirs, protocolID: id)
    let hello = initiator.start(nowMilliseconds: begin)
    let answer = responder.received(
      hello, isMember: isMember, bytesBehind: false, receivedMilliseconds: begin + 10, nowMilliseconds: begin + 10)
    switch answer {
    case .accept(_, let frame), .reject(_, let frame):
      return (initiator.received(frame, protocolID: id, nowMilliseconds: begin + 20), answer)
    case .nothing: throw CancellationError()
    }
  }

  @Test("gives both sides the same agreement, seen from either end")
  func agreed() throws {
    let meeting = try Self.meet(try offer(["1.3.0", "1.0.0"]), try offer(["1.0.0"]))
    guard case (.agreed(let ours), .accept(let theirs, _)) = meeting else {
      Issue.record("\(meeting)")
      return
    }
    #expect(ours.version.description == "1.0.0")
    #expect(theirs.version == ours.version)
    #expect(ours.clock == ClockOffset.Sample(sent: 0, remoteReceived: 10, remoteSent: 10, received: 20))
    #expect(theirs.clock == nil)
  }

  @Test("tells both sides the same reason when it is rejected")
  func rejected() throws {
    let meeting = try Self.meet(try offer(network: "signet"), try offer(network: "mainnet"))
    guard case (.rejected(let ours, nil), .reject(let theirs, _)) = meeting else {
      Issue.record("\(meeting)")
      return
    }
    #expect(ours.code == .networkMismatch)
    #expect(ours.code.isPermanent)
    #expect(ours.reason == theirs.reason)
    #expect(ours.reason == "you are on signet, this node is on mainnet")
    #expect([ours.by, theirs.by] == [.remote, .local])
  }

  @Test("says the same whether it was encoded before or for the occasion")
  func encodedOnce() throws {
    let offer = try Offer(
      spoken: VersionedProtocol(
        name: FederationProtocol.name,
        versions: [SemanticVersion(major: 2, minor: 0, patch: 1), SemanticVersion(major: 1, minor: 3, patch: 0)]),
      network: "regtest", agent: String(repeating: "a", count: 150), capabilities: ["b", "a"], frameLimit: 1 << 20)
    for time in [0, begin] {
      let hello = Hello(
        versions: offer.spoken.versions, network: "regtest", agent: offer.agent, capabilities: ["a", "b"],
        frameLimit: 1 << 20, timeMilliseconds: time)
      #expect(offer.helloFrame(timeMilliseconds: time) == Message.hello(hello).frame)
      // The last is none of ours: the remote has a lower patch.
      for version in offer.spoken.versions + [SemanticVersion(major: 2, minor: 0, patch: 0)] {
        for capabilities in [[], ["b"]] {
          let accept = Accept(
            version: version, versions: offer.spoken.versions, agent: offer.agent, capabilities: capabilities,
            frameLimit: 1 << 20, helloReceivedMilliseconds: time, timeMilliseconds: time + 1)
          let frame = offer.acceptFrame(
            version, capabilities: capabilities, helloReceivedMilliseconds: time, timeMilliseconds: time + 1)
          #expect(frame == Message.accept(accept).frame)
        }
      }
    }
  }

  @Test("is over after one answer: nothing that comes later changes it")
  func once() throws {
    var responder = HandshakeResponder(offer: try offer(), protocolID: "vtcp/btc-foundation/v1.0.0")
    guard case .reject(let rejection, let frame) = responder.refuse(Rejection(.helloTimeout)) else {
      Issue.record("not refused")
      return
    }
    #expect(rejection.reason == "no hello within 5 s")
    #expect(try Message(frame: frame) == .reject(Reject(code: .helloTimeout, reason: "no hello within 5 s")))
    var initiator = HandshakeInitiator(offer: try offer())
    let hello = initiator.start(nowMilliseconds: begin)
    #expect(
      responder.received(
        hello, isMember: true, bytesBehind: false, receivedMilliseconds: begin, nowMilliseconds: begin) == .nothing)
    #expect(responder.refuse(Rejection(.busy)) == .nothing)
    guard case .rejected(_, .some) = initiator.refuse(Rejection(.shuttingDown)) else {
      Issue.record("not refused")
      return
    }
    #expect(initiator.received(frame, protocolID: "", nowMilliseconds: begin) == .nothing)
  }

  @Test("an offer that the remote would find malformed is refused here")
  func offers() throws {
    #expect(throws: WireError.self) { try offer(network: "Main Net") }
    #expect(throws: WireError.self) { try Offer(network: "a", agent: "a\nb") }
    #expect(throws: WireError.self) { try Offer(network: "a", agent: "", capabilities: ["a b"]) }
    #expect(throws: WireError.self) { try Offer(network: "a", agent: "", frameLimit: 4_095) }
    #expect(throws: WireError.self) { try Offer(network: "a", agent: "", frameLimit: 16 << 20 + 1) }
    let many = (0..<33).map { "c\($0)" }
    #expect(throws: WireError.self) { try Offer(network: "a", agent: "", capabilities: many) }
    let doubled = try Offer(network: "a", agent: "", capabilities: many.dropLast() + many.dropLast())
    #expect(doubled.capabilities.count == 32)
  }

  @Test("the largest hello and accept there can be fit their frame")
  func largest() throws {
    let versions = (0..<16).map { SemanticVersion(major: 999_999, minor: 999_984 + $0, patch: 999_999) }
    let most = try Offer(
      spoken: VersionedProtocol(name: FederationProtocol.name, versions: versions),
      network: String(repeating: "n", count: 32), agent: String(repeating: "a", count: 256),
      capabilities: (0..<32).map { String(repeating: Character(Unicode.Scalar(UInt8(0x21 + $0))), count: 64) },
      frameLimit: 16 << 20)
    let meeting = try Self.meet(most, most)
    guard case (.agreed, .accept(_, let frame)) = meeting else {
      Issue.record("\(meeting)")
      return
    }
    #expect(frame.count < FederationProtocol.handshakeFrameMax)
  }

  @Test("what goes wrong while frames are read has its code, and a remote that left has none")
  func readErrors() {
    let rows: [(ProtocolStreamError, hello: RejectCode?, answer: RejectCode?)] = [
      (.messageTooLong(limit: 4_096), .helloTooLarge, .malformed),
      (.violation("x"), .malformed, .malformed),
      (.unexpectedEnd, .malformed, .malformed),
      (.notNegotiated("x"), .noCommonVersion, .noCommonVersion),
      (.stream(.reset(code: 7)), nil, nil),
      (.stream(.connectionClosed("x")), nil, nil),
    ]
    for row in rows {
      #expect(Rejection(row.0, awaitingHello: true)?.code == row.hello, "\(row.0)")
      #expect(Rejection(row.0, awaitingHello: false)?.code == row.answer, "\(row.0)")
    }
  }

  @Test("codes keep their numbers and words")
  func codes() {
    #expect(RejectCode.known.map(\.number) == Array(1...11))
    #expect(Set(RejectCode.known.map(\.word)).count == 11)
    #expect(Set(RejectCode.known.map(\.sentence)).count == 11)
    for code in RejectCode.known { #expect(RejectCode(code.number) == code) }
    #expect(RejectCode(12) == .other(12))
    #expect(RejectCode(12).word == "code_12")
    let permanent: [RejectCode] = [.networkMismatch, .noCommonVersion, .notAMember, .offerMismatch]
    #expect(RejectCode.known.filter(\.isPermanent) == permanent)
  }

  @Test("a reason is cut to what every reader takes, between characters and without controls")
  func reasons() throws {
    let rejection = Rejection(.malformed, "a\u{1b}[31m" + String(repeating: "é", count: 300))
    guard case .reject(let reject)? = try Message(frame: rejection.frame) else {
      Issue.record("no reject")
      return
    }
    #expect(reject.reason == "a[31m" + String(repeating: "é", count: 253))
  }
}
