import P2PCore
import Testing

@testable import GnuTLS

@Suite struct IdentityKeyTests {
  @Test("The specification's private keys give its public keys and peer ids, and are written back as read")
  func vectors() throws {
    #expect(Vectors.keys.count == 4)
    for (name, vector) in Vectors.keys {
      let bytes = Vectors.bytes(hex: vector.privateKeyProtobufHex)
      let key = try IdentityKey.load(protobuf: bytes)
      #expect(key.publicKey.type.name == name)
      #expect(
        key.publicKey.protobuf
          == Vectors.bytes(hex: vector.publicKeyProtobufHex))
      #expect(key.peerID.description == vector.peerId)
      #expect(key.protobuf == bytes, "\(name)")
    }
  }

  @Test("A new key signs, is read back as the same, and derives the same secrets", arguments: KeyType.allCases)
  func generated(type: KeyType) throws {
    let key = try IdentityKey.generate(type)
    let again = try IdentityKey.load(protobuf: key.protobuf)
    #expect(again.publicKey == key.publicKey)
    #expect(key.publicKey.type == type)
    let other = try IdentityKey.generate(type)
    #expect(other.publicKey != key.publicKey)

    let message = Array("message".utf8)
    let signature = again.sign(message)
    #expect(key.publicKey.verify(signature: signature, of: message))
    #expect(!key.publicKey.verify(signature: signature, of: message + [0]))
    #expect(!key.publicKey.verify(signature: [], of: message))
    for index in [0, signature.count / 2, signature.count - 1] {
      var damaged = signature
      damaged[index] ^= 1
      #expect(!key.publicKey.verify(signature: damaged, of: message))
    }

    #expect(key.derivedSecret("a") == again.derivedSecret("a"))
    #expect(key.derivedSecret("a") != key.derivedSecret("b"))
    #expect(key.derivedSecret("a").count == 32)
  }

  @Test("A signature by one key is none by another", arguments: KeyType.allCases)
  func otherKey(type: KeyType) throws {
    let signature = try IdentityKey.generate(type).sign([1, 2, 3])
    for other in KeyType.allCases {
      let key = try IdentityKey.generate(other).publicKey
      #expect(!key.verify(signature: signature, of: [1, 2, 3]))
    }
  }

  @Test("The raw form of the Go node and the old form with the public key twice are read")
  func ed25519Forms() throws {
    let key = try IdentityKey.generate(.ed25519)
    let raw = Array(key.protobuf.dropFirst(4))
    #expect(raw.count == 64)
    #expect(try IdentityKey.load(ed25519: raw).peerID == key.peerID)
    let old = encode(.ed25519, raw + raw.suffix(32))
    #expect(try IdentityKey.load(protobuf: old).protobuf == key.protobuf)

    var different = raw + raw.suffix(32)
    different[95] ^= 1
    #expect(throws: IdentityKeyError.self) {
      try IdentityKey.load(protobuf: encode(.ed25519, different))
    }
  }

  @Test("A public half that does not belong to the private one is refused")
  func mismatchedHalves() throws {
    let one = Array(try IdentityKey.generate(.ed25519).protobuf.dropFirst(4))
    let other = Array(try IdentityKey.generate(.ed25519).protobuf.dropFirst(4))
    #expect(throws: IdentityKeyError.self) { try IdentityKey.load(ed25519: one.prefix(32) + other.suffix(32)) }
  }

  @Test("Bytes that are no key are refused")
  func garbage() throws {
    let rsa = Vectors.bytes(hex: try #require(Vectors.keys["rsa"]).privateKeyProtobufHex)
    let ecdsa = Vectors.bytes(hex: try #require(Vectors.keys["ecdsa"]).privateKeyProtobufHex)
    let bad: [[UInt8]] = [
      [], [0x08], [0x08, 0x01, 0x12, 0x40], [0x08, 0x09, 0x12, 0x00],
      encode(.ed25519, .init(repeating: 7, count: 63)),
      encode(.ed25519, .init(repeating: 7, count: 64)),
      encode(.secp256k1, .init(repeating: 0, count: 32)),
      encode(.secp256k1, .init(repeating: 0xff, count: 32)),
      encode(.secp256k1, .init(repeating: 1, count: 31)),
      encode(.rsa, [0x30, 0x00]), encode(.ecdsa, [0x30, 0x00]),
      Array(rsa.dropLast()), rsa + [0], [0x08, 0x03] + rsa.dropFirst(2), [0x08, 0x00] + ecdsa.dropFirst(2),
    ]
    for bytes in bad {
      #expect(throws: IdentityKeyError.self) { try IdentityKey.load(protobuf: bytes) }
    }
    #expect(throws: IdentityKeyError.self) { try IdentityKey.load(ed25519: []) }
  }

  @Test("Damaged private keys are refused or sign as themselves, and none crashes", arguments: KeyType.allCases)
  func mutations(type: KeyType) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SplitMix64(state: seed)
    let good = try IdentityKey.generate(type).protobuf
    for _ in 0..<300 {
      var bytes = good
      let index = Int.random(in: bytes.indices, using: &generator)
      switch Int.random(in: 0..<3, using: &generator) {
      case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes.removeSubrange(index...)
      default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: index)
      }
      guard case .success(let key) = Result(catching: { try IdentityKey.load(protobuf: bytes) }) else { continue }
      #expect(key.publicKey.verify(signature: key.sign([7]), of: [7]), "seed \(seed)")
    }
  }

  @Test("Public keys that do not fit their type are refused")
  func publicKeys() throws {
    let ecdsa = try IdentityKey.generate(.ecdsa).publicKey.data
    let rsa = try IdentityKey.generate(.rsa).publicKey.data
    #expect(PublicKey(type: .ecdsa, data: ecdsa).isAcceptable)
    #expect(PublicKey(type: .rsa, data: rsa).isAcceptable)
    #expect(!PublicKey(type: .rsa, data: ecdsa).isAcceptable)
    #expect(!PublicKey(type: .ecdsa, data: rsa).isAcceptable)
    #expect(!PublicKey(type: .ecdsa, data: ecdsa + [0]).isAcceptable)
    #expect(!PublicKey(type: .ed25519, data: []).isAcceptable)
    #expect(!PublicKey(type: .secp256k1, data: .init(repeating: 2, count: 65)).isAcceptable)
    #expect(!PublicKey(type: .secp256k1, data: .init(repeating: 0xff, count: 33)).isAcceptable)
  }

  @Test("RSA keys that are too short are refused")
  func shortRSA() {
    let key = PublicKey(type: .rsa, data: Vectors.bytes(hex: shortRSAKey))
    #expect(!key.isAcceptable)
  }

  @Test("secp256k1 signatures with a high S are accepted, ours have a low one")
  func secp256k1() throws {
    let key = try IdentityKey.generate(.secp256k1)
    let message = Array("message".utf8)
    let signature = key.sign(message)
    #expect(key.sign(message) == signature)
    let high = try #require(Self.highS(signature))
    #expect(high != signature)
    #expect(key.publicKey.verify(signature: high, of: message))
  }

  @Test("Descriptions carry nothing private")
  func descriptions() throws {
    let key = try IdentityKey.generate(.ed25519)
    for text in [key.description, key.debugDescription, String(reflecting: key), "\(key)"] {
      #expect(text == "ed25519 key of \(key.peerID)")
    }
    // The public key is long: 32 numbers of up to three digits.
    let others = Mirror(reflecting: key).children.filter { $0.label != "publicKey" }
    #expect(others.allSatisfy { "\($0.value)".count < 200 })
  }

  /// The same signature with the order of the curve minus S.
  private static func highS(_ der: [UInt8]) -> [UInt8]? {
    guard let sequence = DERReader.only(DERReader.sequence, in: der) else { return nil }
    var reader = DERReader(der, inside: sequence)
    guard let r = reader.read(DERReader.integer), let s = reader.read(DERReader.integer) else { return nil }
    let order = Vectors.bytes(hex: "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
    let digits = Array(der[s.content])
    let padded = [UInt8](repeating: 0, count: max(0, 32 - digits.count)) + digits.suffix(32)
    var result = [UInt8](repeating: 0, count: 32)
    var borrow = 0
    for index in (0..<32).reversed() {
      let difference = Int(order[index]) - Int(padded[index]) - borrow
      borrow = difference < 0 ? 1 : 0
      result[index] = UInt8(difference & 0xff)
    }
    let integer = [0x02, 0x21, 0x00] + result
    let content = Array(der[r.whole]) + integer
    return [0x30, UInt8(content.count)] + content
  }
}

/// SubjectPublicKeyInfo of an RSA key of 1024 bits, made once for this test.
private let shortRSAKey =
  "30819f300d06092a864886f70d010101050003818d0030818902818100d5f5a12212c52fb3280897e2dd64e7d75879d3536b"
  + "c3429417e0576c7b83ca7cf1d8208db3d1d61bcf1c6ea4c96d6f16a9f395eb726d1ef3ebed4a1139218ed55b757fc719ac52"
  + "c350139e3ffd2f7dd415274168e9fa9c47f398326668fdebb508afad426c2bd0aa23db8c932672993929bb359dbd6a817088"
  + "cf313fbba0cdf10203010001"

/// The protobuf of a private key of fewer than 128 bytes.
private func encode(_ type: KeyType, _ data: [UInt8]) -> [UInt8] {
  [0x08, type.rawValue, 0x12, UInt8(data.count)] + data
}
