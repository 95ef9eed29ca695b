internal import CGnuTLS

/// The certificates that we show: one on Ed25519, which costs both sides least, and one on P-256 beside it for a peer
/// that does not list Ed25519 (libp2p specs: tls). Both are made here, for this process only, and bound to the
/// identity key.
///
/// A TLS session uses the object until it is freed: keep a reference beside each session. Renewing means making a new
/// one with `renewed`; the old one goes with its last session.
package final class TLSCredentials: Sendable {
  package static let validityDefault: Duration = .seconds(30 * 86_400)
  /// Peers' clocks may be behind ours.
  private static let secondsBefore: Int64 = 3_600
  /// Renewal is due when less than a tenth of the validity is left.
  private static let renewalShare: Int64 = 10

  /// A `gnutls_certificate_credentials_t`, owned by this object.
  package var credentials: OpaquePointer { self.pointer }
  /// Unix seconds.
  package let notAfter: Int64
  /// Unix seconds; from then on `renewed` should replace this object.
  package let renewalTime: Int64

  // Never changed after `init`; GnuTLS sessions only read it.
  nonisolated(unsafe) private let pointer: OpaquePointer
  private let identity: IdentityKey
  private let validity: Duration

  /// - Parameter now: Unix seconds.
  /// - Parameter validity: at least a second.
  /// - Parameter flaw: for tests only.
  package init(
    identity: IdentityKey, now: Int64, validity: Duration = TLSCredentials.validityDefault,
    flaw: CertificateFlaw? = nil
  ) throws(TLSError) {
    let seconds = max(1, validity.components.seconds)
    let range: ClosedRange<Int64>
    switch flaw {
    case .expired: range = now - 2 * Self.secondsBefore...now - Self.secondsBefore
    case .notYetValid: range = now + Self.secondsBefore...now + 2 * Self.secondsBefore
    default: range = now - Self.secondsBefore...now + seconds
    }
    var pointer: OpaquePointer?
    try check(gnutls_certificate_allocate_credentials(&pointer), "allocate TLS credentials")
    guard let pointer else { throw TLSError(operation: "allocate TLS credentials", code: GNUTLS_E_MEMORY_ERROR) }
    self.pointer = pointer
    self.identity = identity
    self.validity = validity
    self.notAfter = range.upperBound
    self.renewalTime = range.upperBound - seconds / Self.renewalShare
    if flaw == .noCertificate { return }
    for algorithm in CertificateBuilder.Algorithm.allCases {
      let leaf = try CertificateBuilder(algorithm, for: identity, validity: range, flaw: flaw)
      var chain = [leaf.certificate]
      if flaw == .twoCertificates {
        chain.append(try CertificateBuilder(algorithm, for: identity, validity: range, flaw: nil).certificate)
      }
      try Self.add(chain, key: leaf.takeKey(), to: pointer)
    }
  }

  deinit { gnutls_certificate_free_credentials(self.pointer) }

  /// Fresh certificates for the same identity.
  package func renewed(now: Int64) throws(TLSError) -> TLSCredentials {
    try TLSCredentials(identity: self.identity, now: now, validity: self.validity)
  }

  /// Hands `key` over to the credentials.
  private static func add(
    _ chain: [[UInt8]], key: OpaquePointer?, to credentials: OpaquePointer
  ) throws(TLSError) {
    var certificates = [gnutls_pcert_st](repeating: gnutls_pcert_st(), count: chain.count)
    var imported = 0
    var code: Int32 = 0
    while code >= 0, imported < chain.count {
      code = withDatum(chain[imported]) {
        gnutls_pcert_import_x509_raw(&certificates[imported], $0, GNUTLS_X509_FMT_DER, 0)
      }
      if code >= 0 { imported += 1 }
    }
    if code >= 0 {
      code = gnutls_certificate_set_key(credentials, nil, 0, &certificates, Int32(chain.count), key)
    }
    if code < 0 {
      for index in 0..<imported { gnutls_pcert_deinit(&certificates[index]) }
      gnutls_privkey_deinit(key)
    }
    try check(code, "use the certificate that was made")
  }
}
