internal import CGnuTLS
package import P2PCore

extension PublicKey {
  /// Whether the private half of this key signed `message` (libp2p specs: peer-ids): Ed25519, RSA PKCS #1 v1.5 with
  /// SHA-256, ECDSA with SHA-256 in DER.
  ///
  /// False as well for a key that we do not accept: RSA outside 2048…8192 bits, an unknown curve, bytes that do not
  /// fit the type.
  package func verify(signature: [UInt8], of message: [UInt8]) -> Bool {
    switch self.type {
    case .ed25519:
      PublicKeyHandle(self)?.verify(GNUTLS_SIGN_EDDSA_ED25519, signature: signature, of: message) ?? false
    case .rsa:
      PublicKeyHandle(self)?.verify(GNUTLS_SIGN_RSA_SHA256, signature: signature, of: message) ?? false
    case .ecdsa:
      PublicKeyHandle(self)?.verify(GNUTLS_SIGN_ECDSA_SHA256, signature: signature, of: message) ?? false
    case .secp256k1:
      Secp256k1.verify(signature: signature, digest: sha256(message), publicKey: self.data)
    }
  }

  /// Whether the bytes are a key of the type, of a kind and size that we accept.
  package var isAcceptable: Bool {
    self.type == .secp256k1 ? Secp256k1.isValidPublicKey(self.data) : PublicKeyHandle(self) != nil
  }
}
