import RandomInput
import Testing

@testable import P2PCore

@Suite("Random values come back as they were")
struct RoundTripTests {
  private static let count = 3_000

  @Test("bytes in all bases")
  func bases() {
    var generator = SplitMix64(seed: testSeed)
    for _ in 0..<Self.count {
      let zeros = [UInt8](repeating: 0, count: Int.random(in: 0...3, using: &generator))
      let value = zeros + generator.bytes(Int.random(in: 0...90, using: &generator))
      let base58 = PositionalBase.base58btc.encode(value)
      let base36 = PositionalBase.base36.encode(value)
      let base32 = Base32.encode(value)
      #expect(base58 == Self.slowBase58(value), "seed \(testSeed)")
      // Of 90 bytes base36 makes more characters than are taken back.
      let small = base36.utf8.count <= PositionalBase.sizeMaximum
      #expect(PositionalBase.base58btc.decode(Array(base58.utf8)[...]) == value, "seed \(testSeed)")
      #expect(PositionalBase.base36.decode(Array(base36.utf8)[...]) == (small ? value : nil), "seed \(testSeed)")
      #expect(Base32.decode(Array(base32.utf8)[...]) == value, "seed \(testSeed)")
    }
  }

  @Test("varints and protobuf fields")
  func numbers() throws {
    var generator = SplitMix64(seed: testSeed)
    for _ in 0..<Self.count {
      let value = generator.next() >> UInt64.random(in: 0...63, using: &generator)
      var bytes: [UInt8] = []
      Varint.append(value >> 1, to: &bytes)
      #expect(try Varint.read(bytes, at: 0, end: bytes.count)?.value == value >> 1, "seed \(testSeed)")
      let number = UInt32.random(in: 1..<1 << 29, using: &generator)
      let content = generator.bytes(Int.random(in: 0...40, using: &generator))
      var writer = ProtobufWriter()
      writer.varint(number, value)
      writer.bytes(number, content)
      var reader = ProtobufReader(writer.bytes)
      #expect(try reader.next() == number, "seed \(testSeed)")
      #expect(try reader.varint() == value, "seed \(testSeed)")
      #expect(try reader.next() == number, "seed \(testSeed)")
      #expect(try reader.bytes() == content, "seed \(testSeed)")
      #expect(try reader.next() == nil)
    }
  }

  @Test("peer ids of random keys in all forms")
  func peerIDs() throws {
    var generator = SplitMix64(seed: testSeed)
    for _ in 0..<Self.count {
      let key = PublicKey(type: .ed25519, data: generator.bytes(32))
      let inlined = PeerID(publicKey: key, sha256: SHA256.hash)
      #expect(inlined.publicKey == key, "seed \(testSeed)")
      let hashed = try PeerID(multihash: [0x12, 0x20] + key.data)
      for id in [inlined, hashed] {
        #expect(try PeerID(id.description) == id, "seed \(testSeed)")
        #expect(try PeerID(id.cid) == id, "seed \(testSeed)")
        #expect(try PeerID(id.cidBase32) == id, "seed \(testSeed)")
      }
    }
  }

  @Test("endpoints as text and as multiaddrs")
  func endpoints() throws {
    var generator = SplitMix64(seed: testSeed)
    for _ in 0..<Self.count {
      // Many zero groups, so that they are shortened in all places.
      let isIPv6 = Bool.random(using: &generator)
      let address = (0..<(isIPv6 ? 8 : 2)).flatMap { _ in
        Bool.random(using: &generator) ? [0, 0] : generator.bytes(2)
      }
      let zone = isIPv6 && Bool.random(using: &generator) ? "eth\(UInt8.random(in: 0...9, using: &generator))" : nil
      let endpoint = IPEndpoint(address: address, port: UInt16.random(in: 0...65_535, using: &generator), zone: zone)
      #expect(try IPEndpoint(endpoint.description) == endpoint, "seed \(testSeed)")
      let multiaddr = Multiaddr(quic: endpoint)
      #expect(try Multiaddr(multiaddr.description) == multiaddr, "seed \(testSeed)")
      #expect(try Multiaddr(bytes: multiaddr.bytes) == multiaddr, "seed \(testSeed)")
    }
  }

  @Test("multiaddrs of random components")
  func multiaddrs() throws {
    var generator = SplitMix64(seed: testSeed)
    let parts = [
      "/ip4/192.0.2.7", "/ip6/2001:db8::7", "/ip6zone/eth0", "/ipcidr/8", "/dns/a.example", "/dns4/a.example",
      "/dns6/a.example", "/dnsaddr/a.example", "/sni/a.example", "/tcp/1", "/udp/65535", "/sctp/7", "/dccp/7", "/quic",
      "/quic-v1", "/ws", "/wss", "/tls", "/noise", "/webtransport", "/webrtc", "/webrtc-direct", "/p2p-circuit",
      "/p2p/12D3KooWGbSz9Ju35fygHtowdHXs9WXCMWG5EUuTq9eR3v3eCaLS",
      "/p2p/QmQFXMrAZCKScdTkbDuhqrhejBy1gdjZXM846QAhPibnhr",
    ]
    for _ in 0..<Self.count {
      let chosen = (0..<Int.random(in: 1...8, using: &generator)).compactMap { _ in
        parts.randomElement(using: &generator)
      }
      let address = try Multiaddr(chosen.joined())
      #expect(address.description == chosen.joined(), "seed \(testSeed)")
      #expect(address.components.map(\.description) == chosen, "seed \(testSeed)")
      #expect(try Multiaddr(bytes: address.bytes) == address, "seed \(testSeed)")
      #expect(
        address.peerID?.description
          == (chosen.last?.hasPrefix("/p2p/") == true ? chosen.last?.dropFirst(5).description : nil))
    }
  }

  /// Digit by digit, as the format is defined.
  private static func slowBase58(_ bytes: [UInt8]) -> String {
    let alphabet = Array("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
    var number = bytes
    var text = ""
    while number.contains(where: { $0 != 0 }) {
      var rest = 0
      for index in number.indices {
        rest = rest << 8 | Int(number[index])
        number[index] = UInt8(rest / 58)
        rest %= 58
      }
      text.append(alphabet[rest])
    }
    return String(repeating: "1", count: bytes.prefix { $0 == 0 }.count) + String(text.reversed())
  }
}
