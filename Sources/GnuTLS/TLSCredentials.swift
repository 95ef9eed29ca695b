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
  /// More signature algorithms than TLS has; GnuTLS keeps fewer.
  private static let requestedMax = 64

  /// Unix seconds.
  package let notAfter: Int64
  /// Unix seconds; from then on `renewed` should replace this object.
  package let renewalTime: Int64

  // Never changed after `init`; GnuTLS sessions only read it.
  nonisolated(unsafe) private let pointer: OpaquePointer
  // Never changed after `init`; GnuTLS sessions only read them. Best first.
  nonisolated(unsafe) private let chains: [CertificateChain]
  private let identity: IdentityKey
  private let validity: Duration

  /// - Parameter now: Unix seconds.
  /// - Parameter validity: at least a second.
  /// - Parameter flaw: for tests only.
  package convenience init(
    identity: IdentityKey, now: Int64, validity: Duration = TLSCredentials.validityDefault,
    flaw: CertificateFlaw? = nil
  ) throws(TLSError) {
    try self.init(
      CertificateBuilder.Algorithm.allCases, identity: identity, now: now, validity: validity, flaw: flaw)
  }

  /// - Parameter algorithms: of the certificates, preferred first.
  init(
    _ algorithms: [CertificateBuilder.Algorithm], identity: IdentityKey, now: Int64, validity: Duration,
    flaw: CertificateFlaw?
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
    // A flawed one stays as it is, for the tests that want it.
    self.renewalTime = flaw == nil ? range.upperBound - seconds / Self.renewalShare : .max
    if flaw == .noCertificate {
      self.chains = []
      return
    }
    self.chains = try algorithms.map { algorithm throws(TLSError) in
      try CertificateChain(algorithm, for: identity, validity: range, flaw: flaw)
    }
    gnutls_certificate_set_retrieve_function3(pointer) { session, _, certificates, count, ocsp, ocspCount, key, _ in
      ocsp?.pointee = nil
      ocspCount?.pointee = 0
      guard let session, let owner = gnutls_db_get_ptr(session) else { return -1 }
      let chain = Unmanaged<TLSCredentials>.fromOpaque(owner).takeUnretainedValue().chain(for: session)
      certificates?.pointee = chain?.certificates
      count?.pointee = UInt32(chain?.count ?? 0)
      key?.pointee = chain?.key
      return 0
    }
  }

  deinit { gnutls_certificate_free_credentials(self.pointer) }

  /// Fresh certificates for the same identity.
  package func renewed(now: Int64) throws(TLSError) -> TLSCredentials {
    try TLSCredentials(identity: self.identity, now: now, validity: self.validity)
  }

  /// Puts these credentials into `session`, which must not outlive them.
  func use(in session: OpaquePointer) throws(TLSError) {
    // The session pointer belongs to the QUIC library. The pointer of the resumption database is free: nothing here
    // resumes a session.
    gnutls_db_set_ptr(session, Unmanaged.passUnretained(self).toOpaque())
    try check(
      gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(self.pointer)),
      "set the TLS credentials")
  }

  /// The first chain whose signature the peer of `session` says it can check. GnuTLS's own choice does not do: a
  /// client with two certificates sends none when the server names no issuers.
  private func chain(for session: OpaquePointer) -> CertificateChain? {
    var requested: [gnutls_sign_algorithm_t] = []
    var algorithm = GNUTLS_SIGN_UNKNOWN
    while requested.count < Self.requestedMax,
      gnutls_sign_algorithm_get_requested(session, requested.count, &algorithm) >= 0
    {
      requested.append(algorithm)
    }
    return self.chains.first { chain in chain.signatures.contains { requested.contains($0) } }
  }
}
