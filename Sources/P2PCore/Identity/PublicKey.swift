/// A libp2p public key: its type and the bytes that the protobuf's `Data` holds.
package struct PublicKey: Hashable, Sendable {
  package let type: KeyType
  /// ed25519: 32 raw bytes; secp256k1: 33 bytes compressed; rsa, ecdsa: SubjectPublicKeyInfo DER.
  package let data: [UInt8]

  package init(type: KeyType, data: [UInt8]) {
    self.type = type
    self.data = data
  }
}
