/// A peer's name: the multihash of its public key (libp2p specs: peer-ids).
package struct PeerID: Hashable, Sendable, CustomStringConvertible {
  /// The multihash.
  package let bytes: [UInt8]

  package init(multihash: [UInt8]) throws(PeerIDError) {
    self.bytes = multihash
  }

  /// Reads base58btc (`12D3KooW…`, `Qm…`) or a CIDv1 with the `libp2p-key` codec (`bafz…`, `k51…`).
  package init(_ text: String) throws(PeerIDError) {
    self.bytes = Array(text.utf8)
  }

  /// Names `key`. Keys of at most 42 encoded bytes are inlined; others are hashed with `sha256`, an argument
  /// because this module holds no cryptography.
  package init(publicKey key: PublicKey, sha256: ([UInt8]) -> [UInt8]) {
    self.bytes = key.data
  }

  /// base58btc.
  package var description: String { "" }
  /// CIDv1, base36 (`k51…`)? base32 (`bafz…`).
  package var cid: String { "" }
  /// The key itself where the id inlines it (ed25519, secp256k1).
  package var publicKey: PublicKey? { nil }
}

package struct PeerIDError: Error, Sendable, Hashable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
