/// A peer's name: the multihash of its public key (libp2p specs: peer-ids).
package struct PeerID: Hashable, Sendable, CustomStringConvertible {
  /// The multihash.
  package let bytes: [UInt8]

  /// Of the last eight bytes, which a key or its hash fills at random: all of them take several times as long.
  package func hash(into hasher: inout Hasher) {
    self.bytes.withUnsafeBytes { bytes in
      if bytes.count < 8 { return hasher.combine(bytes: bytes) }
      hasher.combine(bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self))
    }
  }

  /// Longest key that is inlined, bytes of its protobuf.
  package static let inlineKeySizeMaximum = 42
  /// Longest text taken, characters; the longest valid one, base32 of an inlined key, has 75.
  package static let textSizeMaximum = 128

  /// Takes sha2-256 of 32 bytes, and identity of a key of at most 42 bytes in its canonical encoding.
  package init(multihash: [UInt8]) throws(PeerIDError) {
    // Code and length are below 128, so each is one byte in its only valid form.
    guard multihash.count > 2, multihash.count == 2 + Int(multihash[1]) else {
      throw PeerIDError("not a multihash of the length that it states")
    }
    switch multihash[0] {
    case Self.sha256Code:
      guard multihash[1] == 32 else { throw PeerIDError("sha2-256 has 32 bytes, not \(multihash[1])") }
    case Self.identityCode:
      guard Int(multihash[1]) <= Self.inlineKeySizeMaximum else {
        throw PeerIDError("keys of more than \(Self.inlineKeySizeMaximum) bytes are hashed, not inlined")
      }
      do {
        _ = try PublicKey(protobuf: Array(multihash[2...]))
      } catch {
        throw PeerIDError("the inlined bytes are \(error)")
      }
    default:
      throw PeerIDError("neither a sha2-256 nor an identity multihash")
    }
    self.bytes = multihash
  }

  /// Reads base58btc (`12D3KooW…`, `Qm…`) or a CIDv1 with the `libp2p-key` codec in base32, base36 or base58btc
  /// (`bafz…`, `k51…`, `z5A…`).
  package init(_ text: String) throws(PeerIDError) {
    guard text.utf8.count <= Self.textSizeMaximum else {
      throw PeerIDError("\(quoted(text)) is no peer id: it is longer than \(Self.textSizeMaximum) characters")
    }
    let characters = Array(text.utf8)
    do {
      self = try Self(characters: characters)
    } catch {
      throw PeerIDError("\(quoted(text)) is no peer id: \(error.description)")
    }
  }

  private init(characters: [UInt8]) throws(PeerIDError) {
    if characters.first == UInt8(ascii: "1") || characters.starts(with: "Qm".utf8) {
      guard let multihash = PositionalBase.base58btc.decode(characters[...]) else {
        throw PeerIDError("a character is not in base58btc")
      }
      try self.init(multihash: multihash)
      return
    }
    let digits = characters.dropFirst()
    let cid: [UInt8]?
    switch characters.first {
    case UInt8(ascii: "b"): cid = Base32.decode(digits)
    case UInt8(ascii: "k"): cid = PositionalBase.base36.decode(digits)
    case UInt8(ascii: "z"): cid = PositionalBase.base58btc.decode(digits)
    default: throw PeerIDError("it starts neither with 12D3KooW, 16Uiu2HA or Qm nor with b, k or z as a CID does")
    }
    guard let cid else { throw PeerIDError("a character is not in its base") }
    guard cid.starts(with: Self.cidPrefix) else { throw PeerIDError("not a CIDv1 of a libp2p key") }
    try self.init(multihash: Array(cid[Self.cidPrefix.count...]))
  }

  /// Names `key`. Keys of at most 42 encoded bytes are inlined; others are hashed with `sha256`, an argument
  /// because this module holds no cryptography.
  package init(publicKey key: PublicKey, sha256: ([UInt8]) -> [UInt8]) {
    let protobuf = key.protobuf
    if protobuf.count <= Self.inlineKeySizeMaximum {
      self.bytes = [Self.identityCode, UInt8(protobuf.count)] + protobuf
    } else {
      let digest = sha256(protobuf)
      precondition(digest.count == 32, "sha2-256 has 32 bytes")
      self.bytes = [Self.sha256Code, 32] + digest
    }
  }

  /// Whether `key` is the one that this id names.
  package func matches(_ key: PublicKey, sha256: ([UInt8]) -> [UInt8]) -> Bool {
    self == PeerID(publicKey: key, sha256: sha256)
  }

  /// base58btc.
  package var description: String { PositionalBase.base58btc.encode(self.bytes) }

  /// CIDv1 in base36 (`k51…`, `k2k4…`), the form that fits a DNS label.
  package var cid: String { "k" + PositionalBase.base36.encode(Self.cidPrefix + self.bytes) }

  /// CIDv1 in base32 (`bafz…`).
  package var cidBase32: String { "b" + Base32.encode(Self.cidPrefix + self.bytes) }

  /// The key itself where the id inlines it (ed25519, secp256k1).
  package var publicKey: PublicKey? {
    guard self.bytes[0] == Self.identityCode else { return nil }
    do {
      return try PublicKey(protobuf: Array(self.bytes[2...]))
    } catch {
      return nil
    }
  }

  /// Multihash codes (multiformats: multicodec).
  private static let identityCode: UInt8 = 0x00
  private static let sha256Code: UInt8 = 0x12
  /// CID version 1, codec libp2p-key.
  private static let cidPrefix: [UInt8] = [0x01, 0x72]
}

package struct PeerIDError: Error, Sendable, Hashable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
