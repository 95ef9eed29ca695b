/// Why a peer's certificate is refused (libp2p specs: tls, "Peer Authentication").
package enum CertificateError: Error, Sendable, Hashable, CustomStringConvertible {
  /// Longer than `CertificateVerifier.bytesMax`.
  case tooLong(bytes: Int)
  /// No X.509 certificate in DER.
  case malformed(String)
  /// Times are Unix seconds.
  case notYetValid(notBefore: Int64)
  case expired(notAfter: Int64)
  case missingExtension
  case duplicateExtension
  /// The object identifier.
  case unknownCriticalExtension(String)
  /// The extension is not exactly one SignedKey with a libp2p PublicKey.
  case malformedExtension(String)
  case unacceptableKey(String)
  case wrongSelfSignature
  case wrongHostSignature

  package var description: String {
    switch self {
    case .tooLong(let bytes):
      "the certificate has \(bytes) bytes, more than \(CertificateVerifier.bytesMax)"
    case .malformed(let detail): "the certificate is malformed: \(detail)"
    case .notYetValid(let time): "the certificate is not valid before Unix time \(time); compare the clocks"
    case .expired(let time): "the certificate expired at Unix time \(time); compare the clocks"
    case .missingExtension: "the certificate has no libp2p extension (\(CertificateVerifier.extensionOID))"
    case .duplicateExtension: "the certificate has the libp2p extension twice"
    case .unknownCriticalExtension(let oid): "the certificate has the unknown critical extension \(oid)"
    case .malformedExtension(let detail): "the libp2p extension is malformed: \(detail)"
    case .unacceptableKey(let detail): "the certificate's key is not acceptable: \(detail)"
    case .wrongSelfSignature: "the certificate's signature by its own key is wrong"
    case .wrongHostSignature: "the identity key's signature over the certificate key is wrong"
    }
  }
}
