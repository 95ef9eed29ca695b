import CLinux
import CNgtcp2
import GnuTLS
import LinuxIO
import P2PCore

/// What a connection needs of the endpoint around it, and tells it. Calls may come from within ngtcp2: they note and
/// return.
protocol QUICConnectionOwner: AnyObject {
  func connection(_ connection: QUICConnection, added id: ConnectionID)
  func connection(_ connection: QUICConnection, removed id: ConnectionID)
  func connection(_ connection: QUICConnection, resetToken: ResetToken, isActive: Bool)
  func verify(certificate: UnsafeRawBufferPointer) throws(CertificateError) -> VerifiedCertificate
  /// It has something to send, or its deadline moved.
  func connectionIsDirty(_ connection: QUICConnection)
}

/// One QUIC connection without I/O: datagrams and times go in, datagrams come out into a sink (sans-IO).
///
/// Used on one thread. Never calls back into ngtcp2 from within its callbacks.
final class QUICConnection {
  enum Phase {
    /// Not yet good: as a client until the server confirmed the handshake and with it our certificate.
    case handshaking
    case established
    /// Over; ngtcp2's object is gone.
    case closed
  }

  let direction: Direction
  let expectedPeer: PeerID?
  let startedAt: MonotonicNanoseconds
  /// Bytes that the remote may send us at most before we read.
  let windowMax: UInt64
  unowned let owner: any QUICConnectionOwner
  let loop: EventLoop?
  /// The certificates of the session; they must outlive it.
  private let credentials: TLSCredentials
  let configuration: QUICConfiguration

  private(set) var phase = Phase.handshaking
  /// A `cng_conn`; nil once closed.
  private(set) var raw: OpaquePointer?
  private var session: OpaquePointer?
  private var sessionIsDone = false

  private(set) var peer: VerifiedCertificate?
  /// Why we refused the remote's certificate.
  private(set) var refusal: Refusal?
  private(set) var security: (cipher: String, group: String) = ("", "")
  private(set) var establishedAt: MonotonicNanoseconds = 0
  private(set) var keepAlive: Duration?
  private var wasResetStatelessly = false
  /// Set when a packet of the remote could be decrypted.
  private(set) var heardFromRemote = false

  /// Each at its `place`. Unchecked as `QUICStream.received` is.
  @exclusivity(unchecked) var streams: [QUICStream] = []
  var inboundStreams = 0
  var queueFirst: QUICStream?
  var queueLast: QUICStream?
  /// Of `streams`.
  var delayedEnds: [QUICStream] = []
  /// Streams whose writer waits and that the remote's window blocks. Of `streams`.
  var watched: [QUICStream] = []
  var streamWaiters: [UnsafeContinuation<Void, Never>] = []

  // What happened since the endpoint last asked.
  var newStreams: [QUICStream] = []
  private(set) var becameEstablished = false
  private(set) var pathChanged = false
  /// The address of ours that a migration under way has left.
  private var leftAddress: SocketAddress?
  private var migrationFailed = false

  // The endpoint's bookkeeping.
  /// Ids and tokens in the endpoint's tables, a handful.
  var ids: [ConnectionID] = []
  var resetTokens: [ResetToken] = []
  var heapIndex = -1
  var deadline: MonotonicNanoseconds = .max
  var isDirty = false
  var handle: QUICConnectionHandle?
  /// While it is being dialled.
  var dial: OutboundDial?

  // Accounting, in UDP payload bytes and datagrams.
  private(set) var bytesIn: UInt64 = 0
  private(set) var bytesOut: UInt64 = 0
  private(set) var datagramsIn: UInt64 = 0
  private(set) var datagramsOut: UInt64 = 0
  private(set) var lastActivity: MonotonicNanoseconds

  enum Refusal {
    case certificate(CertificateError)
    case count(Int)
    case wrongPeer(PeerID)

    var words: String {
      switch self {
      case .certificate(let error): "\(error)"
      case .count(0): "it sent no certificate"
      case .count(let count): "it sent \(count) certificates where libp2p has one"
      case .wrongPeer(let peer): "it is \(peer)"
      }
    }
  }

  struct Origin {
    var direction: Direction
    var local: SocketAddress
    var remote: SocketAddress
    var expectedPeer: PeerID?
    /// The datagram that began an inbound connection.
    var initial: cng_initial?
  }

  struct Environment {
    var configuration: QUICConfiguration
    var tls: TLSContext
    var credentials: TLSCredentials
    /// 32 bytes, for stateless reset.
    var secret: [UInt8]
    var shard: UInt8
    /// Nil in simulations that use no `async` member.
    var loop: EventLoop?
    /// Asked on the connections' thread; simulations have their own.
    var clock: () -> MonotonicNanoseconds = monotonicNow
  }

  init(
    _ origin: Origin, _ environment: Environment, owner: any QUICConnectionOwner, handshakeTimeout: Duration,
    windowMax: UInt64, now: MonotonicNanoseconds
  ) throws {
    self.direction = origin.direction
    self.expectedPeer = origin.expectedPeer
    self.startedAt = now
    self.windowMax = windowMax
    self.lastActivity = now
    self.owner = owner
    self.loop = environment.loop
    self.credentials = environment.credentials
    self.configuration = environment.configuration
    installCallbacks()
    let server = origin.direction == .inbound
    let raw: OpaquePointer = cng_conn_new(Unmanaged.passUnretained(self).toOpaque())
    self.raw = raw
    let session = try environment.tls.makeSession(server: server)
    self.session = session
    guard cng_configure_session(UnsafeMutableRawPointer(session), server) == 0 else {
      throw QUICTransportError("TLS could not be prepared for QUIC")
    }
    try environment.tls.configure(
      session, server: server, sessionPointer: cng_conn_session_pointer(raw), credentials: environment.credentials,
      verify: verifyPeer)
    var settings = QUICConnection.settings(environment, handshakeTimeout: handshakeTimeout)
    settings.connection_window_max = windowMax
    settings.stream_window_max = min(windowMax, settings.stream_window_max)
    var local = origin.local.raw
    var remote = origin.remote.raw
    let result: Int32
    if var initial = origin.initial {
      result = cng_server_start(raw, UnsafeMutableRawPointer(session), &settings, &local, &remote, &initial, now)
    } else {
      result = cng_client_start(raw, UnsafeMutableRawPointer(session), &settings, &local, &remote, now)
    }
    guard result == 0 else {
      throw QUICTransportError("a QUIC connection could not be started: \(String(cString: cng_words(result)))")
    }
  }

  deinit { self.free() }

  private static func settings(_ environment: Environment, handshakeTimeout: Duration) -> cng_settings {
    let configuration = environment.configuration
    var settings = cng_settings()
    settings.bbr = configuration.congestionControl == .bbr
    settings.handshake_timeout_ns = max(1, handshakeTimeout.nanosecondsClamped)
    settings.idle_timeout_ns = configuration.idleTimeout.nanosecondsClamped
    settings.stream_window = configuration.streamWindow
    settings.connection_window = configuration.connectionWindow
    settings.stream_window_max = configuration.streamWindowMax
    settings.streams_bidi_max = UInt64(configuration.streamsPerConnection)
    settings.shard = environment.shard
    withUnsafeMutableBytes(of: &settings.secret) { $0.copyBytes(from: environment.secret.prefix(32)) }
    return settings
  }

  // MARK: Input

  /// What became of the connection.
  enum Outcome {
    case alive
    // In a box, as there is an outcome for every datagram and hardly ever a reason.
    indirect case closed(CloseReason)
    /// ngtcp2 wants it gone without a word: the first packet was not a proper one.
    case dropped
  }

  func receive(
    _ datagram: UnsafeRawBufferPointer, local: UnsafePointer<clinux_address>, remote: UnsafePointer<clinux_address>,
    ecn: UInt8, now: MonotonicNanoseconds
  ) -> Outcome {
    guard let raw = self.raw else { return .alive }
    self.bytesIn += UInt64(datagram.count)
    self.datagramsIn += 1
    let result = cng_read(
      raw, local, remote, ecn, datagram.baseAddress?.assumingMemoryBound(to: UInt8.self), datagram.count, now)
    if result == 0 {
      self.lastActivity = now
      self.heardFromRemote = true
      self.settleSession()
      self.retryWatched()
      return .alive
    }
    if result == CNG_DROP_CONN || result == CNG_RETRY {
      self.free()
      return .dropped
    }
    if result == CNG_DRAINING {
      return .closed(self.remoteReason())
    }
    return .closed(self.errorReason(result))
  }

  func timeout(now: MonotonicNanoseconds) -> Outcome {
    guard let raw = self.raw else { return .alive }
    let result = cng_handle_expiry(raw, now)
    if result == 0 { return .alive }
    if result == CNG_IDLE_CLOSE {
      return .closed(CloseReason("idle_timeout", initiator: .none, detail: "nothing was heard for the idle timeout"))
    }
    if result == CNG_HANDSHAKE_TIMEOUT {
      let detail = self.heardFromRemote ? "the handshake did not finish in time" : "no answer"
      return .closed(CloseReason("handshake_timeout", initiator: .local, detail: detail))
    }
    return .closed(self.errorReason(result))
  }

  private func remoteReason() -> CloseReason {
    if self.wasResetStatelessly {
      return CloseReason(
        "stateless_reset", initiator: .none, detail: "the remote has forgotten this connection; it was restarted")
    }
    guard let raw = self.raw else { return CloseReason("closed_by_peer", initiator: .remote) }
    var close = cng_close()
    cng_remote_close(raw, &close)
    let words = UnsafeBufferPointer(start: close.reason, count: min(close.reason_length, 256))
    let detail = words.isEmpty ? nil : String(decoding: words, as: UTF8.self)
    let isPlain = close.application || close.code == 0
    return CloseReason(
      isPlain ? "closed_by_peer" : "transport_error", initiator: .remote, code: close.code,
      isApplicationCode: close.application, detail: detail)
  }

  private func errorReason(_ error: Int32) -> CloseReason {
    var detail = String(cString: cng_words(error))
    var code: UInt64?
    if error == CNG_CRYPTO, let raw = self.raw {
      let alert = cng_tls_alert(raw)
      code = CNG_CRYPTO_ERROR_BASE + UInt64(alert)
      detail = self.refusal.map { "we refuse the remote's certificate: \($0.words)" } ?? "TLS alert \(alert)"
    }
    self.pendingError = error
    return CloseReason(
      self.phase == .handshaking ? "handshake_failed" : "transport_error", initiator: .local, code: code, detail: detail
    )
  }

  /// The ngtcp2 error that CONNECTION_CLOSE is to tell of; 0 for none.
  private(set) var pendingError: Int32 = 0

  func fail(_ error: Int32) { self.pendingError = error }

  // MARK: Established

  func handshakeCompleted() {
    // As a client the server has yet to judge our certificate.
    if self.direction == .inbound { self.establish() }
  }

  func handshakeConfirmed() {
    if self.direction == .outbound { self.establish() }
  }

  private func establish() {
    guard self.phase == .handshaking, let raw = self.raw, let session = self.session else { return }
    self.phase = .established
    self.becameEstablished = true
    self.security = TLSContext.describe(session)
    // Freed once ngtcp2 has returned: this runs within its call.
    self.sessionIsDone = true
    let own = self.configuration.idleTimeout.nanosecondsClamped
    let effective = min(own, cng_remote_idle_timeout(raw))
    let interval = self.configuration.keepAlive?.nanosecondsClamped ?? effective / 3
    if interval > 0 {
      cng_set_keep_alive(raw, interval)
      self.keepAlive = .nanoseconds(Int64(clamping: interval))
    }
  }

  /// The TLS session has done its work: its memory goes back (RFC 9001 §4.9 leaves only QUIC's own keys).
  private func settleSession() {
    guard self.sessionIsDone, let session = self.session, let raw = self.raw else { return }
    cng_forget_session(raw)
    TLSContext.free(session)
    self.session = nil
  }

  func takeEstablished(now: MonotonicNanoseconds) -> Bool {
    defer { self.becameEstablished = false }
    if self.becameEstablished { self.establishedAt = now }
    return self.becameEstablished
  }

  func takePathChanged() -> Bool {
    defer { self.pathChanged = false }
    return self.pathChanged
  }

  func pathValidated(_ succeeded: Bool) {
    if succeeded {
      self.pathChanged = true
      self.leftAddress = nil
    } else if self.leftAddress != nil {
      self.migrationFailed = true
    }
  }

  /// Moves a client's end to `local` (RFC 9000 §9.2). False when that cannot be: the remote does not allow it, say.
  func migrate(to local: SocketAddress, now: MonotonicNanoseconds) -> Bool {
    guard let raw = self.raw, self.direction == .outbound, self.phase == .established else { return false }
    let path = self.path
    var from = local.raw
    var to = path.remote.raw
    guard cng_migrate(raw, &from, &to, now) == 0 else { return false }
    self.leftAddress = self.leftAddress ?? path.local
    return true
  }

  /// Why the connection ends, when the remote did not answer on the path that it moved to.
  func failedMigration() -> CloseReason? {
    guard self.migrationFailed, let left = self.leftAddress else { return nil }
    let words =
      "its local address \(left.multiaddr) is gone, and the remote does not answer at \(self.path.local.multiaddr)"
    return CloseReason("transport_error", initiator: .none, detail: words)
  }

  func statelesslyReset() {
    self.wasResetStatelessly = true
  }

  func verify(_ session: OpaquePointer) -> Bool {
    let (count, der) = TLSContext.peerCertificate(of: session)
    guard count == 1 else {
      self.refusal = .count(count)
      return false
    }
    do throws(CertificateError) {
      let certificate = try self.owner.verify(certificate: der)
      if let expected = self.expectedPeer, certificate.peerID != expected {
        self.refusal = .wrongPeer(certificate.peerID)
        return false
      }
      self.peer = certificate
      return true
    } catch {
      self.refusal = .certificate(error)
      return false
    }
  }

  func markDirty() {
    if !self.isDirty, self.phase != .closed { self.owner.connectionIsDirty(self) }
  }

  // MARK: Figures

  func sent(bytes: Int, datagrams: Int) {
    self.bytesOut += UInt64(bytes)
    self.datagramsOut += UInt64(datagrams)
  }

  var path: (local: SocketAddress, remote: SocketAddress) {
    var local = clinux_address()
    var remote = clinux_address()
    if let raw = self.raw { cng_path(raw, &local, &remote) }
    return (SocketAddress(raw: local), SocketAddress(raw: remote))
  }

  func fill(_ statistics: inout ConnectionStatistics) {
    guard let raw = self.raw else { return }
    var figures = cng_statistics()
    cng_get_statistics(raw, &figures)
    statistics.bytesIn = self.bytesIn
    statistics.bytesOut = self.bytesOut
    statistics.packetsIn = self.datagramsIn
    statistics.packetsOut = self.datagramsOut
    if figures.rtt_known {
      statistics.rttLatest = .nanoseconds(Int64(clamping: figures.rtt_latest_ns))
      statistics.rttSmoothed = .nanoseconds(Int64(clamping: figures.rtt_smoothed_ns))
      statistics.rttMinimum = .nanoseconds(Int64(clamping: figures.rtt_min_ns))
      statistics.rttVariance = .nanoseconds(Int64(clamping: figures.rtt_variance_ns))
    }
    statistics.congestionWindow = figures.congestion_window
    statistics.bytesInFlight = figures.bytes_in_flight
    statistics.packetsLost = self.streams.reduce(figures.packets_lost) { $0 + cng_open_stream_losses(raw, $1.id) }
    statistics.mtu = cng_path_packet_size(raw)
    statistics.streamsInbound = self.inboundStreams
    statistics.streamsOutbound = self.streams.count - self.inboundStreams
    statistics.keepAlive = self.keepAlive
  }

  // MARK: End

  /// Ends streams and ngtcp2's object. The endpoint has taken its ids out of its tables before.
  func end(_ reason: CloseReason) {
    self.phase = .closed
    while self.queueFirst != nil { self.dequeueFirst() }
    let open = self.streams
    self.streams = []
    self.newStreams = []
    self.delayedEnds = []
    self.watched = []
    for stream in open { stream.connectionDidClose(reason) }
    self.wakeStreamWaiters()
    self.free()
  }

  private func free() {
    self.phase = .closed
    if let raw = self.raw {
      self.raw = nil
      cng_conn_free(raw)
    }
    if let session = self.session {
      self.session = nil
      TLSContext.free(session)
    }
  }
}
