/// Identity key types (libp2p specs: peer-ids); the raw value is the protobuf enum.
package enum KeyType: UInt8, Sendable, Hashable, CaseIterable {
  case rsa = 0
  case ed25519 = 1
  case secp256k1 = 2
  case ecdsa = 3

  package var name: String {
    switch self {
    case .rsa: "rsa"
    case .ed25519: "ed25519"
    case .secp256k1: "secp256k1"
    case .ecdsa: "ecdsa"
    }
  }
}
