internal import CGnuTLS

/// A certificate of ours, as GnuTLS wants it for a handshake, with its key.
final class CertificateChain {
  let certificates: UnsafeMutablePointer<gnutls_pcert_st>
  private(set) var count = 0
  let key: OpaquePointer
  /// What the key signs handshakes with.
  let signatures: [gnutls_sign_algorithm_t]

  /// - Parameter validity: Unix seconds.
  init(
    _ algorithm: CertificateBuilder.Algorithm, for identity: IdentityKey, validity: ClosedRange<Int64>,
    flaw: CertificateFlaw?
  ) throws(TLSError) {
    let leaf = try CertificateBuilder(algorithm, for: identity, validity: validity, flaw: flaw)
    guard let key = leaf.takeKey() else {
      throw TLSError(operation: "take the certificate key", code: GNUTLS_E_INTERNAL_ERROR)
    }
    self.key = key
    self.signatures =
      switch algorithm {
      case .ed25519: [GNUTLS_SIGN_EDDSA_ED25519]
      case .p256: [GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, GNUTLS_SIGN_ECDSA_SHA256]
      }
    self.certificates = .allocate(capacity: 2)
    try self.append(leaf.certificate)
    if flaw == .twoCertificates {
      try self.append(CertificateBuilder(algorithm, for: identity, validity: validity, flaw: nil).certificate)
    }
  }

  deinit {
    for index in 0..<self.count { gnutls_pcert_deinit(self.certificates + index) }
    self.certificates.deallocate()
    gnutls_privkey_deinit(self.key)
  }

  private func append(_ der: [UInt8]) throws(TLSError) {
    let slot = self.certificates + self.count
    try check(
      withDatum(der) { gnutls_pcert_import_x509_raw(slot, $0, GNUTLS_X509_FMT_DER, 0) },
      "read back the certificate that was made")
    self.count += 1
  }
}
