/// A fault built into our own certificate on purpose, so that tests can see peers and ourselves refuse it.
package enum CertificateFlaw: String, Sendable, Hashable, CaseIterable {
  case noExtension
  case wrongHostSignature
  case wrongSelfSignature
  case expired
  case notYetValid
  case unknownCriticalExtension
  case bytesAfterSignedKey
  /// Two certificates in the chain, both good.
  case twoCertificates
  case noCertificate
}
