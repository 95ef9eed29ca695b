import Testing

@testable import P2PCore

/// `peer-ids.json`, made on 2026-11-22 from go-, js- and rust-libp2p.
struct PeerIDVectors: Decodable, Sendable {
  struct Key: Decodable, Sendable {
    var key: String
    var publicKeyProtobufHex: String
    var optional: Bool?
    var peerId: String
    var cidBase32: String
    var cidBase36: String
    var multihashHex: String
  }
  struct PublicKey: Decodable, Sendable {
    var publicKeyProtobufHex: String
    var ok: Bool
    var optional: Bool?
    var why: String?
    var peerId: String?
  }
  struct Text: Decodable, Sendable {
    var text: String
    var ok: Bool
    var optional: Bool?
    var peerId: String?
    var multihashHex: String?
  }
  struct Bytes: Decodable, Sendable {
    var hex: String
    var ok: Bool
    var optional: Bool?
    var peerId: String?
    var cidBase32: String?
    var cidBase36: String?
  }
  var keys: [Key]
  var publicKeys: [PublicKey]
  var strings: [Text]
  var bytes: [Bytes]
}

@Suite("Vectors of keys and peer ids")
struct PeerIDVectorTests {
  let vectors: PeerIDVectors

  init() throws { self.vectors = try loadVectors("peer-ids") }

  @Test("every key gives its peer id in all forms")
  func keys() throws {
    #expect(self.vectors.keys.count == 17)
    for vector in self.vectors.keys {
      let protobuf = bytes(hex: vector.publicKeyProtobufHex)
      switch Result(catching: { () throws(KeyError) in try PublicKey(protobuf: protobuf) }) {
      case .success(let key):
        #expect(key.protobuf == protobuf)
        let id = PeerID(publicKey: key, sha256: SHA256.hash)
        #expect(id.description == vector.peerId)
        #expect(id.cid == vector.cidBase36)
        #expect(id.cidBase32 == vector.cidBase32)
        #expect(hex(id.bytes) == vector.multihashHex)
        #expect(id.matches(key, sha256: SHA256.hash))
        #expect(id.publicKey == (id.bytes[0] == 0 ? key : nil))
        #expect(try PeerID(vector.peerId) == id)
      case .failure(let error):
        #expect(vector.optional == true, "\(vector.key): \(error)")
      }
    }
  }

  @Test("public keys are taken in their canonical encoding only")
  func publicKeys() throws {
    #expect(self.vectors.publicKeys.count == 49)
    // Needs arithmetic on the curve, which the cryptographic library has.
    let unchecked = ["secp256k1 bytes that are no point of the curve", "ecdsa bytes that are no point of the curve"]
    for vector in self.vectors.publicKeys where vector.optional != true && !unchecked.contains(vector.why ?? "") {
      let protobuf = bytes(hex: vector.publicKeyProtobufHex)
      if vector.ok {
        let key = try PublicKey(protobuf: protobuf)
        #expect(PeerID(publicKey: key, sha256: SHA256.hash).description == vector.peerId)
      } else {
        #expect(throws: KeyError.self, "\(vector.why ?? "")") { try PublicKey(protobuf: protobuf) }
      }
    }
  }

  @Test("peer ids as text")
  func texts() throws {
    #expect(self.vectors.strings.count == 136)
    for vector in self.vectors.strings {
      switch Result(catching: { () throws(PeerIDError) in try PeerID(vector.text) }) {
      case .success(let id):
        #expect(vector.ok || vector.optional == true, "\(vector.text)")
        guard vector.ok else { continue }
        #expect(id.description == vector.peerId)
        #expect(hex(id.bytes) == vector.multihashHex)
      case .failure(let error):
        #expect(!vector.ok || vector.optional == true, "\(error)")
      }
    }
  }

  @Test("peer ids as multihashes")
  func multihashes() throws {
    #expect(self.vectors.bytes.count == 83)
    for vector in self.vectors.bytes {
      switch Result(catching: { () throws(PeerIDError) in try PeerID(multihash: bytes(hex: vector.hex)) }) {
      case .success(let id):
        #expect(vector.ok || vector.optional == true, "\(vector.hex)")
        guard vector.ok else { continue }
        #expect(id.description == vector.peerId)
        #expect(vector.cidBase32 == nil || id.cidBase32 == vector.cidBase32)
        #expect(vector.cidBase36 == nil || id.cid == vector.cidBase36)
      case .failure(let error):
        #expect(!vector.ok || vector.optional == true, "\(vector.hex): \(error)")
      }
    }
  }
}

/// `keys-and-peer-ids.json`: the test vectors of libp2p specs, peer-ids.
struct KeyVectors: Decodable, Sendable {
  struct Key: Decodable, Sendable {
    var privateKeyProtobufHex: String
    var publicKeyProtobufHex: String
    var peerId: String
  }
  struct Text: Decodable, Sendable {
    var text: String
    var sameAs: String?
  }
  var keys: [String: Key]
  var peerIdStrings: [Text]
}

@Suite("Vectors of the peer id specification")
struct KeyVectorTests {
  @Test("keys of all types round-trip and name their peer", arguments: KeyType.allCases)
  func keys(type: KeyType) throws {
    let vectors: KeyVectors = try loadVectors("keys-and-peer-ids")
    let vector = try #require(vectors.keys[type.name])
    let key = try PublicKey(protobuf: bytes(hex: vector.publicKeyProtobufHex))
    #expect(key.type == type)
    #expect(hex(key.protobuf) == vector.publicKeyProtobufHex)
    #expect(PeerID(publicKey: key, sha256: SHA256.hash).description == vector.peerId)
    let secret = try PrivateKeyMessage(protobuf: bytes(hex: vector.privateKeyProtobufHex))
    #expect(secret.type == type)
    #expect(hex(secret.protobuf) == vector.privateKeyProtobufHex)
  }

  @Test("texts of peer ids are read in both forms")
  func texts() throws {
    let vectors: KeyVectors = try loadVectors("keys-and-peer-ids")
    #expect(vectors.peerIdStrings.count == 3)
    for vector in vectors.peerIdStrings {
      #expect(try PeerID(vector.text).description == vector.sameAs ?? vector.text)
    }
  }
}
