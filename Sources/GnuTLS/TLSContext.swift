internal import CGnuTLS

/// Makes the TLS 1.3 sessions of QUIC connections, one context per process.
///
/// The order that GnuTLS and the QUIC library need: `makeSession`, then the QUIC library's own
/// `…_configure_{server,client}_session`, then `configure`.
package final class TLSContext: Sendable {
  /// Called when the peer's certificate is there; zero accepts, `certificateRefused` refuses.
  package typealias VerifyFunction = @convention(c) (OpaquePointer?) -> Int32

  /// `GNUTLS_E_CERTIFICATE_ERROR`: what a verify function returns to refuse (alert bad_certificate, RFC 8446 §6.2).
  package static let certificateRefused: Int32 = -43
  /// libp2p specs: quic
  package static let applicationProtocol = "libp2p"

  /// AES first: it has hardware, ChaCha20 does not. The server chooses, as some clients list ChaCha20 first. X25519
  /// first; P-256 stays because some clients send a share for nothing else.
  private static let priorityString =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519"
    + ":+GROUP-SECP256R1:%DISABLE_TLS13_COMPAT_MODE:%SERVER_PRECEDENCE"

  // Never changed after `init`; sessions take references that GnuTLS counts atomically.
  nonisolated(unsafe) private let priorities: OpaquePointer
  private let applicationProtocol: [UInt8]

  /// - Parameter applicationProtocol: another one, or none when empty, only in tests.
  /// - Parameter priorities: another GnuTLS priority string only in tests.
  package init(
    applicationProtocol: String = TLSContext.applicationProtocol, priorities: String? = nil
  ) throws(TLSError) {
    var pointer: OpaquePointer?
    try check(
      gnutls_priority_init(&pointer, priorities ?? Self.priorityString, nil), "read the TLS priority string")
    guard let pointer else { throw TLSError(operation: "read the TLS priority string", code: GNUTLS_E_MEMORY_ERROR) }
    self.priorities = pointer
    self.applicationProtocol = Array(applicationProtocol.utf8)
  }

  deinit { gnutls_priority_deinit(self.priorities) }

  /// A new `gnutls_session_t` with its priorities. The caller ends it with `free`.
  package func makeSession(server: Bool) throws(TLSError) -> OpaquePointer {
    var session: OpaquePointer?
    try check(gnutls_init(&session, cgnutls_quic_flags(server ? 1 : 0)), "make a TLS session")
    guard let session else { throw TLSError(operation: "make a TLS session", code: GNUTLS_E_MEMORY_ERROR) }
    let code = gnutls_priority_set(session, self.priorities)
    if code < 0 { gnutls_deinit(session) }
    try check(code, "set the TLS priorities")
    return session
  }

  /// Second half of the set-up, after the QUIC library has configured `session`. On error the caller still frees it.
  ///
  /// - Parameter sessionPointer: what `gnutls_session_get_ptr` answers, for the QUIC library its connection reference.
  ///   It must stay at its address as long as the session lives.
  /// - Parameter credentials: must outlive the session.
  package func configure(
    _ session: OpaquePointer, server: Bool, sessionPointer: UnsafeMutableRawPointer?, credentials: TLSCredentials,
    verify: VerifyFunction
  ) throws(TLSError) {
    gnutls_session_set_ptr(session, sessionPointer)
    try credentials.use(in: session)
    if !self.applicationProtocol.isEmpty {
      try check(
        cgnutls_set_alpn(session, self.applicationProtocol, UInt32(clamping: self.applicationProtocol.count)),
        "set the application protocol")
    }
    gnutls_session_set_verify_function(session, verify)
    guard server else { return }
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE)
    // "Mandatory" above refuses a client with other protocols, but not one that offers none (RFC 9001 §8.1).
    cgnutls_set_client_hello_hook(session) { session, _, _, _, _ in
      var selected = gnutls_datum_t.none
      let code = gnutls_alpn_get_selected_protocol(session, &selected)
      return code < 0 ? GNUTLS_E_NO_APPLICATION_PROTOCOL : 0
    }
  }

  package static func free(_ session: OpaquePointer) {
    gnutls_deinit(session)
  }

  /// How many certificates the peer sent, and the first in DER; for the verify function. Only a count of one is good.
  /// The bytes live as long as the session.
  package static func peerCertificate(of session: OpaquePointer) -> (count: Int, first: UnsafeRawBufferPointer) {
    var count: UInt32 = 0
    guard let list = gnutls_certificate_get_peers(session, &count), count > 0 else {
      return (0, UnsafeRawBufferPointer(start: nil, count: 0))
    }
    let first = list.pointee
    return (Int(count), UnsafeRawBufferPointer(start: first.data, count: Int(first.size)))
  }

  /// Names of what was negotiated: `AES-128-GCM`, `X25519`; empty before the handshake.
  package static func describe(_ session: OpaquePointer) -> (cipher: String, group: String) {
    let cipher = gnutls_cipher_get_name(gnutls_cipher_get(session))
    let group = gnutls_group_get_name(gnutls_group_get(session))
    return (cipher.map { String(cString: $0) } ?? "", group.map { String(cString: $0) } ?? "")
  }
}
