import Testing

@testable import P2PCore

@Suite("Keys and peer ids")
struct KeyTests {
  private static let id = "12D3KooWGbSz9Ju35fygHtowdHXs9WXCMWG5EUuTq9eR3v3eCaLS"

  @Test("the older form of ed25519 private keys is read into the usual one")
  func olderPrivateKey() throws {
    let seed = [UInt8](repeating: 1, count: 32)
    let point = [UInt8](repeating: 2, count: 32)
    let key = try PrivateKeyMessage(protobuf: [0x08, 0x01, 0x12, 0x60] + seed + point + point)
    #expect(key == PrivateKeyMessage(type: .ed25519, data: seed + point))
    #expect(throws: KeyError("not a private key: 96 bytes of ed25519")) {
      try PrivateKeyMessage(protobuf: [0x08, 0x01, 0x12, 0x60] + seed + point + seed)
    }
  }

  @Test(
    "private keys of a wrong form are refused",
    arguments: [
      "", "0801", "080112200000000000000000000000000000000000000000000000000000000000000000", "08001200", "08021200",
      "08041201ff",
    ])
  func badPrivateKeys(hex: String) {
    #expect(throws: KeyError.self) { try PrivateKeyMessage(protobuf: bytes(hex: hex)) }
  }

  @Test("keys above the maximum size are refused")
  func tooLong() {
    let long = [UInt8](repeating: 0, count: 8_193)
    #expect(throws: KeyError("not a private key: a length of 8193 bytes where at most 8192 are taken")) {
      try PrivateKeyMessage(protobuf: long)
    }
    #expect(throws: KeyError("not a public key: a length of 8193 bytes where at most 2048 are taken")) {
      try PublicKey(protobuf: long)
    }
  }

  @Test(
    "RSA keys are taken from 2,048 to 8,192 bits",
    arguments: [(2_040, false), (2_048, true), (8_192, true), (8_200, false)])
  func rsaSizes(bits: Int, ok: Bool) {
    func element(_ tag: UInt8, _ body: [UInt8]) -> [UInt8] {
      switch body.count {
      case 0..<0x80: [tag, UInt8(body.count)] + body
      case 0x80...0xFF: [tag, 0x81, UInt8(body.count)] + body
      default: [tag, 0x82, UInt8(body.count >> 8), UInt8(body.count & 0xFF)] + body
      }
    }
    let modulus = element(0x02, [0x00] + [UInt8](repeating: 0xFF, count: bits / 8))
    let key = element(0x30, modulus + element(0x02, [0x01, 0x00, 0x01]))
    let algorithm = bytes(hex: "300d06092a864886f70d0101010500")
    let info = element(0x30, algorithm + element(0x03, [0x00] + key))
    let protobuf = PublicKey(type: .rsa, data: info).protobuf
    let result = Result { () throws(KeyError) in try PublicKey(protobuf: protobuf) }
    switch result {
    case .success: #expect(ok)
    case .failure(let error): #expect(!ok && error.description.contains("\(bits) bits"), "\(error)")
    }
  }

  @Test("RSA keys with an odd encoding are refused", arguments: 0..<24)
  func rsaEncoding(index: Int) throws {
    let vectors: KeyVectors = try loadVectors("keys-and-peer-ids")
    let vector = try #require(vectors.keys["rsa"])
    let good = try PublicKey(protobuf: bytes(hex: vector.publicKeyProtobufHex)).data
    // The first 24 bytes are tags, lengths and the algorithm: each has one value, lengths apart from each other too.
    for bit in 0..<8 {
      var data = good
      data[index] ^= 1 << bit
      #expect(throws: KeyError.self) { try PublicKey(protobuf: PublicKey(type: .rsa, data: data).protobuf) }
    }
  }

  @Test(
    "a text that is no peer id is quoted and explained",
    arguments: [
      (
        "hello",
        #""hello" is no peer id: it starts neither with 12D3KooW, 16Uiu2HA or Qm nor with b, k or z as a CID does"#
      ),
      ("Qm0", #""Qm0" is no peer id: a character is not in base58btc"#),
      ("b1", #""b1" is no peer id: a character is not in its base"#),
      ("bafkqaaa", #""bafkqaaa" is no peer id: not a CIDv1 of a libp2p key"#),
      ("QmQFXMr", #""QmQFXMr" is no peer id: not a multihash of the length that it states"#),
    ])
  func errors(text: String, expected: String) {
    #expect(throws: PeerIDError(expected)) { try PeerID(text) }
  }

  @Test("a text of more than 128 characters is refused unread")
  func longText() {
    #expect(throws: PeerIDError.self) { try PeerID(String(repeating: "1", count: 129)) }
  }

  @Test("an id matches its own key only")
  func matching() throws {
    let id = try PeerID(Self.id)
    let key = try #require(id.publicKey)
    #expect(id.matches(key, sha256: SHA256.hash))
    var other = key.data
    other[31] ^= 1
    #expect(!id.matches(PublicKey(type: .ed25519, data: other), sha256: SHA256.hash))
  }
}
