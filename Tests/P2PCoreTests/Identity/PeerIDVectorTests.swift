import Testing

@testable import P2PCore

/// `peer-ids.json`, made on 2026-11-22 from go-, js- and rust-libp2p.
struct PeerIDVectors: Decodable, Sendable {
  struct Key: Decodable, Sendable {
    var key: String
    var public_key_protobuf_hex: String
    var optional: Bool?
    var peer_id: String
    var cid_base32: String
    var cid_base36: String
    var multihash_hex: String
  }
  struct PublicKey: Decodable, Sendable {
    var public_key_protobuf_hex: String
    var ok: Bool
    var optional: Bool?
    var why: String?
    var peer_id: String?
  }
  struct Text: Decodable, Sendable {
    var text: String
    var ok: Bool
    var optional: Bool?
    var peer_id: String?
    var multihash_hex: String?
  }
  struct Bytes: Decodable, Sendable {
    var hex: String
    var ok: Bool
    var optional: Bool?
    var peer_id: String?
    var cid_base32: String?
    var cid_base36: String?
  }
  var keys: [Key]
  var public_keys: [PublicKey]
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
      let protobuf = bytes(hex: vector.public_key_protobuf_hex)
      switch Result(catching: { () throws(KeyError) in try PublicKey(protobuf: protobuf) }) {
      case .success(let key):
        #expect(key.protobuf == protobuf)
        let id = PeerID(publicKey: key, sha256: SHA256.hash)
        #expect(id.description == vector.peer_id)
        #expect(id.cid == vector.cid_base36)
        #expect(id.cidBase32 == vector.cid_base32)
        #expect(hex(id.bytes) == vector.multihash_hex)
        #expect(id.matches(key, sha256: SHA256.hash))
        #expect(id.publicKey == (id.bytes[0] == 0 ? key : nil))
        #expect(try PeerID(vector.peer_id) == id)
      case .failure(let error):
        #expect(vector.optional == true, "\(vector.key): \(error)")
      }
    }
  }

  @Test("public keys are taken in their canonical encoding only")
  func publicKeys() throws {
    #expect(self.vectors.public_keys.count == 49)
    // Needs arithmetic on the curve, which the cryptographic library has.
    let unchecked = ["secp256k1 bytes that are no point of the curve", "ecdsa bytes that are no point of the curve"]
    for vector in self.vectors.public_keys where vector.optional != true && !unchecked.contains(vector.why ?? "") {
      let protobuf = bytes(hex: vector.public_key_protobuf_hex)
      if vector.ok {
        let key = try PublicKey(protobuf: protobuf)
        #expect(PeerID(publicKey: key, sha256: SHA256.hash).description == vector.peer_id)
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
        #expect(id.description == vector.peer_id)
        #expect(hex(id.bytes) == vector.multihash_hex)
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
        #expect(id.description == vector.peer_id)
        #expect(vector.cid_base32 == nil || id.cidBase32 == vector.cid_base32)
        #expect(vector.cid_base36 == nil || id.cid == vector.cid_base36)
      case .failure(let error):
        #expect(!vector.ok || vector.optional == true, "\(vector.hex): \(error)")
      }
    }
  }
}

/// `keys-and-peer-ids.json`: the test vectors of libp2p specs, peer-ids.
struct KeyVectors: Decodable, Sendable {
  struct Key: Decodable, Sendable {
    var private_key_protobuf_hex: String
    var public_key_protobuf_hex: String
    var peer_id: String
  }
  struct Text: Decodable, Sendable {
    var text: String
    var same_as: String?
  }
  var keys: [String: Key]
  var peer_id_strings: [Text]
}

@Suite("Vectors of the peer id specification")
struct KeyVectorTests {
  @Test("keys of all types round-trip and name their peer", arguments: KeyType.allCases)
  func keys(type: KeyType) throws {
    let vectors: KeyVectors = try loadVectors("keys-and-peer-ids")
    let vector = try #require(vectors.keys[type.name])
    let key = try PublicKey(protobuf: bytes(hex: vector.public_key_protobuf_hex))
    #expect(key.type == type)
    #expect(hex(key.protobuf) == vector.public_key_protobuf_hex)
    #expect(PeerID(publicKey: key, sha256: SHA256.hash).description == vector.peer_id)
    let secret = try PrivateKeyMessage(protobuf: bytes(hex: vector.private_key_protobuf_hex))
    #expect(secret.type == type)
    #expect(hex(secret.protobuf) == vector.private_key_protobuf_hex)
  }

  @Test("texts of peer ids are read in both forms")
  func texts() throws {
    let vectors: KeyVectors = try loadVectors("keys-and-peer-ids")
    #expect(vectors.peer_id_strings.count == 3)
    for vector in vectors.peer_id_strings {
      #expect(try PeerID(vector.text).description == vector.same_as ?? vector.text)
    }
  }
}
