import CGnuTLS
import Glibc
import P2PCore
import Testing

@testable import GnuTLS

/// Real TLS 1.3 handshakes between two sessions in memory, over TLS records instead of QUIC.
@Suite struct TLSSessionTests {
  static let now = Int64(time(nil))

  @Test("Two nodes authenticate each other", arguments: KeyType.allCases)
  func authenticate(type: KeyType) throws {
    let client = try Side(server: false, identity: IdentityKey.generate(type))
    let server = try Side(server: true, identity: IdentityKey.generate(.ed25519))
    #expect(try handshake(client, server) == [0, 0])
    #expect(client.peer?.peerID == server.identity.peerID)
    #expect(server.peer?.peerID == client.identity.peerID)
    #expect(TLSContext.describe(client.session) == ("AES-128-GCM", "X25519"))
    #expect(TLSContext.describe(server.session) == ("AES-128-GCM", "X25519"))
    for side in [client, server] {
      #expect(gnutls_protocol_get_version(side.session) == GNUTLS_TLS1_3)
      #expect(Self.keyAlgorithm(TLSContext.peerCertificate(of: side.session).first) == GNUTLS_PK_EDDSA_ED25519)
    }
  }

  @Test("A peer that does not know Ed25519 certificates is shown the P-256 one", arguments: [true, false])
  func fallback(limitedServer: Bool) throws {
    let limited = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-SIGN-ALL:+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256"
    // It cannot sign with Ed25519 either.
    let identity = try IdentityKey.generate()
    let credentials = try TLSCredentials([.p256], identity: identity, now: Self.now, validity: .seconds(60), flaw: nil)
    let limitedSide = try Side(
      server: limitedServer, credentials: credentials, identity: identity, priorities: limited)
    let other = try Side(server: !limitedServer)
    let (client, server) = limitedServer ? (other, limitedSide) : (limitedSide, other)
    #expect(try handshake(client, server) == [0, 0])
    let (_, der) = TLSContext.peerCertificate(of: limitedSide.session)
    #expect(Self.keyAlgorithm(der) == GNUTLS_PK_ECDSA)
    #expect(client.peer?.peerID == server.identity.peerID)
    #expect(server.peer?.peerID == client.identity.peerID)
  }

  private static func keyAlgorithm(_ der: UnsafeRawBufferPointer) -> gnutls_pk_algorithm_t? {
    var certificate: OpaquePointer?
    guard gnutls_x509_crt_init(&certificate) >= 0 else { return nil }
    defer { gnutls_x509_crt_deinit(certificate) }
    guard withDatum(Array(der), { gnutls_x509_crt_import(certificate, $0, GNUTLS_X509_FMT_DER) }) >= 0 else {
      return nil
    }
    return gnutls_pk_algorithm_t(UInt32(bitPattern: gnutls_x509_crt_get_pk_algorithm(certificate, nil)))
  }

  @Test("A flawed server certificate is refused", arguments: CertificateFlaw.allCases)
  func flawedServer(flaw: CertificateFlaw) throws {
    let client = try Side(server: false)
    let server = try Side(server: true, flaw: flaw)
    let codes = try handshake(client, server)
    #expect(codes[0] < 0)
    #expect(client.peer == nil)
    Self.expect(client.refusal, for: flaw)
  }

  @Test("A flawed client certificate is refused", arguments: CertificateFlaw.allCases)
  func flawedClient(flaw: CertificateFlaw) throws {
    let client = try Side(server: false, flaw: flaw)
    let server = try Side(server: true)
    let codes = try handshake(client, server)
    #expect(codes[1] == (flaw == .noCertificate ? GNUTLS_E_CERTIFICATE_REQUIRED : TLSContext.certificateRefused))
    #expect(server.peer == nil)
    Self.expect(server.refusal, for: flaw)
  }

  private static func expect(_ refusal: String?, for flaw: CertificateFlaw) {
    let words: String? =
      switch flaw {
      case .noExtension: "no libp2p extension"
      case .wrongHostSignature: "identity key's signature"
      case .wrongSelfSignature: "signature by its own key"
      case .expired: "expired"
      case .notYetValid: "not valid before"
      case .unknownCriticalExtension: "unknown critical extension"
      case .bytesAfterSignedKey: "libp2p extension is malformed"
      case .twoCertificates: "2 certificates"
      case .noCertificate: nil
      }
    if let words { #expect(refusal?.contains(words) == true, "\(refusal ?? "no refusal")") }
    if words == nil { #expect(refusal == nil) }
  }

  @Test("Another application protocol is refused by the server", arguments: ["h3", "libp2p2", ""])
  func applicationProtocol(name: String) throws {
    let client = try Side(server: false, applicationProtocol: name)
    let server = try Side(server: true)
    let codes = try handshake(client, server)
    #expect(codes[1] == GNUTLS_E_NO_APPLICATION_PROTOCOL)
    #expect(server.peer == nil)
  }

  @Test("Renewed credentials are new certificates for the same peer")
  func renewal() throws {
    let identity = try IdentityKey.generate(.ed25519)
    var old: TLSCredentials? = try TLSCredentials(identity: identity, now: Self.now, validity: .seconds(1000))
    #expect(old?.notAfter == Self.now + 1000)
    #expect(old?.renewalTime == Self.now + 900)
    let new = try #require(try old?.renewed(now: Self.now + 900))
    #expect(new.notAfter == Self.now + 1900)
    #expect(new !== old)

    weak var weakOld: TLSCredentials?
    weakOld = old
    var server: Side? = try Side(server: true, credentials: old, identity: identity)
    old = nil
    #expect(weakOld != nil)
    #expect(try handshake(Side(server: false), #require(server)) == [0, 0])
    server = nil
    #expect(weakOld == nil)
  }

  @Test("A session that did not start is described by empty names")
  func describe() throws {
    let side = try Side(server: false)
    #expect(TLSContext.peerCertificate(of: side.session).count == 0)
    #expect(TLSContext.peerCertificate(of: side.session).first.isEmpty)
  }
}

/// Runs both sides until neither moves; answers the last codes of client and server.
private func handshake(_ client: Side, _ server: Side) throws -> [Int32] {
  client.remote = server
  server.remote = client
  defer {
    client.remote = nil
    server.remote = nil
  }
  var codes = [GNUTLS_E_AGAIN, GNUTLS_E_AGAIN]
  for _ in 0..<20 {
    for (index, side) in [client, server].enumerated() where codes[index] == GNUTLS_E_AGAIN {
      codes[index] = gnutls_handshake(side.session)
      if codes[index] < 0, codes[index] != GNUTLS_E_AGAIN { gnutls_alert_send_appropriate(side.session, codes[index]) }
    }
  }
  return codes
}

/// One end of a connection in memory.
private final class Side {
  let session: OpaquePointer
  let identity: IdentityKey
  let credentials: TLSCredentials
  let context: TLSContext
  var received: [UInt8] = []
  weak var remote: Side?
  var peer: VerifiedCertificate?
  var refusal: String?

  init(
    server: Bool, credentials: TLSCredentials? = nil, identity: IdentityKey? = nil, flaw: CertificateFlaw? = nil,
    applicationProtocol: String = TLSContext.applicationProtocol, priorities: String? = nil
  ) throws {
    let identity = try identity ?? IdentityKey.generate(.ed25519)
    self.identity = identity
    self.credentials =
      try credentials
      ?? TLSCredentials(identity: identity, now: TLSSessionTests.now, flaw: flaw)
    self.context = try TLSContext(applicationProtocol: applicationProtocol, priorities: priorities)
    self.session = try self.context.makeSession(server: server)
    let pointer = Unmanaged.passUnretained(self).toOpaque()
    gnutls_transport_set_ptr(self.session, pointer)
    gnutls_transport_set_push_function(self.session) { pointer, data, count in
      guard let pointer, let data else { return -1 }
      let side = Unmanaged<Side>.fromOpaque(pointer).takeUnretainedValue()
      side.remote?.received.append(contentsOf: UnsafeRawBufferPointer(start: data, count: count))
      return count
    }
    gnutls_transport_set_pull_function(self.session) { pointer, data, count in
      guard let pointer, let data else { return -1 }
      let side = Unmanaged<Side>.fromOpaque(pointer).takeUnretainedValue()
      guard !side.received.isEmpty else {
        gnutls_transport_set_errno(side.session, EAGAIN)
        return -1
      }
      let taken = min(count, side.received.count)
      side.received.withUnsafeBytes { data.copyMemory(from: $0.baseAddress!, byteCount: taken) }
      side.received.removeFirst(taken)
      return taken
    }
    try self.context.configure(
      self.session, server: server, sessionPointer: pointer, credentials: self.credentials
    ) { session in
      guard let session, let pointer = gnutls_session_get_ptr(session) else { return TLSContext.certificateRefused }
      let side = Unmanaged<Side>.fromOpaque(pointer).takeUnretainedValue()
      let (count, der) = TLSContext.peerCertificate(of: session)
      guard count == 1 else {
        side.refusal = "\(count) certificates"
        return TLSContext.certificateRefused
      }
      do {
        side.peer = try CertificateVerifier.verify(der: der, now: TLSSessionTests.now)
        return 0
      } catch {
        side.refusal = "\(error)"
        return TLSContext.certificateRefused
      }
    }
  }

  deinit { TLSContext.free(self.session) }
}
