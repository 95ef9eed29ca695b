import Foundation
import RandomInput
import Testing

@testable import P2PCore

/// Feeds random and mutated bytes to every decoder. A decoder may refuse them, never trap; what it takes must come
/// out the same when it is written and read again.
@Suite("Malformed input")
struct MalformedInputTests {
  /// Inputs for each decoder. `FEDNODE_TEST_INPUTS=200000` takes minutes in a debug build.
  static let count = ProcessInfo.processInfo.environment["FEDNODE_TEST_INPUTS"].flatMap { Int($0) } ?? 15_000

  /// A decoder and good inputs for it. `decode` says what went wrong; nil when nothing did.
  struct Decoder: Sendable, CustomTestStringConvertible {
    let name: String
    let corpus: [[UInt8]]
    let decode: @Sendable ([UInt8]) -> String?

    var testDescription: String { self.name }
  }

  @Test("every decoder survives it, and keeps what it takes", arguments: Self.decoders)
  func survive(decoder: Decoder) {
    var generator = SplitMix64(seed: testSeed)
    for input in decoder.corpus {
      if let fault = decoder.decode(input) { Issue.record("\(decoder.name) on the corpus, \(hex(input)): \(fault)") }
    }
    for _ in 0..<Self.count {
      let input =
        Int.random(in: 0..<8, using: &generator) == 0
        ? generator.bytes(Int.random(in: 0...80, using: &generator))
        : generator.mutated(decoder.corpus.randomElement(using: &generator) ?? [])
      guard let fault = decoder.decode(input) else { continue }
      Issue.record("\(decoder.name), seed \(testSeed), \(hex(input)): \(fault)")
      return
    }
  }

  @Test("negotiation comes to the same end in one piece and in many")
  func pieces() {
    var generator = SplitMix64(seed: testSeed)
    let lines = Self.lines
    for _ in 0..<Self.count / 5 {
      var whole: [UInt8] = []
      for _ in 0..<Int.random(in: 1...6, using: &generator) { whole += lines.randomElement(using: &generator) ?? [] }
      if Bool.random(using: &generator) { whole = generator.mutated(whole) }
      var cuts = [0, whole.count]
      for _ in 0..<Int.random(in: 0...8, using: &generator) {
        cuts.append(Int.random(in: 0...whole.count, using: &generator))
      }
      cuts.sort()
      let pieces = zip(cuts, cuts.dropFirst()).map { Array(whole[$0..<$1]) }
      let fault = Self.respond([whole]) == Self.respond(pieces) ? nil : "responder"
      #expect(fault == nil, "seed \(testSeed), \(hex(whole)) cut at \(cuts)")
      if fault != nil { return }
    }
  }

  /// All that a responder says to `pieces`, how it ends, and what it leaves in the buffer.
  private static func respond(_ pieces: [[UInt8]]) -> String {
    var responder = MultistreamResponder()
    var buffer: [UInt8] = []
    var said: [UInt8] = []
    var agreed: String?
    for piece in pieces {
      buffer += piece
      guard agreed == nil else { continue }
      do {
        switch try responder.receive(&buffer, supports: { $0 == "/a" || $0.count > 100 }) {
        case .needMore: break
        case .send(let bytes): said += bytes
        case .agreed(let name, let reply):
          said += reply
          agreed = name
        }
      } catch {
        // What was said before depends on the pieces.
        return "\(error)"
      }
    }
    return "\(hex(said)) \(agreed ?? "-") \(hex(buffer))"
  }

  private static let lines: [[UInt8]] = [
    "/multistream/1.0.0", "na", "ls", "/a", "/b", String(repeating: "x", count: 200),
  ]
  .map { text in
    var line: [UInt8] = []
    Varint.append(UInt64(text.utf8.count + 1), to: &line)
    return line + text.utf8 + [0x0A]
  }
}

extension MalformedInputTests {
  static let decoders: [Decoder] = {
    do {
      return try Self.makeDecoders()
    } catch {
      preconditionFailure("the corpus: \(error)")
    }
  }()

  private static func makeDecoders() throws -> [Decoder] {
    let keys: KeyVectors = try loadVectors("keys-and-peer-ids")
    let ids: PeerIDVectors = try loadVectors("peer-ids")
    let addresses: MultiaddrVectors = try loadVectors("multiaddrs")
    let publicKeys = keys.keys.values.map { bytes(hex: $0.publicKeyProtobufHex) }
    let privateKeys = keys.keys.values.map { bytes(hex: $0.privateKeyProtobufHex) }
    let identify = IdentifyVectors.all.map { bytes(hex: $0.messageHex) }
    let messages = try identify.map { try Self.unframed($0) }
    let envelopes = try messages.compactMap { try IdentifyMessage(protobuf: $0).signedPeerRecord }
    let records = try envelopes.map { try SignedEnvelope(protobuf: $0).payload }
    let texts = addresses.vectors.filter(\.ok).map { Array($0.text.utf8) }
    return [
      Decoder(name: "public key", corpus: publicKeys) { input in
        Self.check {
          try PublicKey(protobuf: input)
        } keeps: {
          $0.protobuf == input
        }
      },
      Decoder(name: "private key", corpus: privateKeys) { input in
        Self.check {
          try PrivateKeyMessage(protobuf: input)
        } keeps: {
          try PrivateKeyMessage(protobuf: $0.protobuf) == $0
        }
      },
      Decoder(name: "peer id as multihash", corpus: ids.bytes.map { bytes(hex: $0.hex) }) { input in
        Self.check {
          try PeerID(multihash: input)
        } keeps: {
          $0.bytes == input && ($0.publicKey != nil) == (input[0] == 0)
        }
      },
      Decoder(name: "peer id as text", corpus: ids.strings.map { Array($0.text.utf8) }) { input in
        Self.check {
          try PeerID(String(decoding: input, as: UTF8.self))
        } keeps: { id in
          try PeerID(id.description) == id && PeerID(id.cid) == id && PeerID(id.cidBase32) == id
        }
      },
      Decoder(name: "multiaddr as bytes", corpus: addresses.binary.map { bytes(hex: $0.hex) }) { input in
        Self.check {
          try Multiaddr(bytes: input)
        } keeps: { address in
          try address.bytes == input && Multiaddr(address.description) == address && Self.judge(address)
        }
      },
      Decoder(name: "multiaddr as text", corpus: texts) { input in
        Self.check {
          try Multiaddr(String(decoding: input, as: UTF8.self))
        } keeps: { address in
          try Multiaddr(bytes: address.bytes) == address && Multiaddr(address.description) == address
        }
      },
      Decoder(name: "IP endpoint", corpus: ["192.0.2.7:9000", "[fe80::1%eth0]:1"].map { Array($0.utf8) }) { input in
        Self.check {
          try IPEndpoint(String(decoding: input, as: UTF8.self))
        } keeps: {
          try IPEndpoint($0.description) == $0
        }
      },
      Decoder(
        name: "entry of a blocklist", corpus: ["10.0.0.0/8", "2001:db8::/32", "::1", "10.1.2.3"].map { Array($0.utf8) }
      ) { input in
        Self.check {
          try BlockEntry(String(decoding: input, as: UTF8.self))
        } keeps: {
          try BlockEntry($0.description) == $0
        }
      },
      Decoder(name: "identify", corpus: messages) { input in
        Self.check {
          try IdentifyMessage(protobuf: input)
        } keeps: {
          try IdentifyMessage(protobuf: $0.protobuf) == $0
        }
      },
      Decoder(name: "signed envelope", corpus: envelopes) { input in
        Self.check {
          try SignedEnvelope(protobuf: input)
        } keeps: { envelope in
          let covered = SignedPeerRecord.signedBytes(of: envelope)
          return try SignedEnvelope(protobuf: envelope.protobuf) == envelope && covered?.count != 0
        }
      },
      Decoder(name: "peer record", corpus: records) { input in
        Self.check {
          try SignedPeerRecord(protobuf: input)
        } keeps: {
          try SignedPeerRecord(protobuf: $0.protobuf) == $0
        }
      },
      Decoder(name: "framer", corpus: identify) { input in
        Self.check {
          var framer = VarintFramer(messageSizeMaximum: 1_000)
          framer.append(input)
          var messages: [[UInt8]] = []
          while let message = try framer.next() { messages.append(message) }
          return messages
        } keeps: { messages in
          input.starts(with: messages.flatMap { VarintFramer.frame($0) })
        }
      },
      Decoder(name: "initiator", corpus: [Self.lines[0] + Self.lines[3], Self.lines[0] + Self.lines[1]]) { input in
        Self.check {
          var (initiator, buffer) = (MultistreamInitiator(protocols: ["/a", "/b"]), input)
          _ = try initiator.receive(&buffer)
          return buffer
        } keeps: {
          input.suffix($0.count).elementsEqual($0)
        }
      },
      Decoder(name: "responder", corpus: [Self.lines.flatMap { $0 }, Self.lines[0] + Self.lines[3]]) { input in
        Self.check {
          var (responder, buffer) = (MultistreamResponder(), input)
          _ = try responder.receive(&buffer) { $0 == "/a" }
          return buffer
        } keeps: {
          input.suffix($0.count).elementsEqual($0)
        }
      },
    ]
  }

  /// A refusal is fine; what is taken must be kept.
  private static func check<Value>(_ decode: () throws -> Value, keeps: (Value) throws -> Bool) -> String? {
    let value: Value
    do {
      value = try decode()
    } catch {
      return nil
    }
    do {
      return try keeps(value) ? nil : "what was taken is not what was given"
    } catch {
      return "what was written is refused: \(error)"
    }
  }

  /// Judges an address in all ways; false when two of them contradict each other.
  private static func judge(_ address: Multiaddr) -> Bool {
    let target = Result { () throws(DialError) in try address.quicTarget() }
    let listen = Result { () throws(DialError) in try address.listenTarget() }
    if case .success(.endpoint(let endpoint)) = target {
      return address.withoutPeerID == Multiaddr(quic: endpoint)
    }
    if case .success(let endpoint) = listen { return address == Multiaddr(quic: endpoint) }
    return true
  }

  private static func unframed(_ bytes: [UInt8]) throws -> [UInt8] {
    var framer = VarintFramer(messageSizeMaximum: IdentifyMessage.sizeMaximum)
    framer.append(bytes)
    return try #require(try framer.next())
  }
}
