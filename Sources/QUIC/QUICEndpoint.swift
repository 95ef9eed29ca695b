import CLinux
import CNgtcp2
import GnuTLS
import LinuxIO
import P2PCore

/// All QUIC connections of one thread, without I/O: routes datagrams by connection id, accepts, dials, fires timers.
final class QUICEndpoint: QUICConnectionOwner {
  /// Timers that fire in one turn.
  private static let timersPerTurnMax = 4_096
  /// How long a Retry token is good.
  static let retryTokenNanoseconds: UInt64 = 10_000_000_000
  /// Answers to datagrams without a connection (Retry, version negotiation, stateless reset, refusal) a second.
  static let answersPerSecondMax = 2_000
  /// Of the reason for a refusal that the remote is told.
  static let refusalBytesMax = 128
  /// Events about refused connections a second. The log has its own limit by address; this one bounds the work.
  static let refusalEventsPerSecondMax = 64
  /// Between two events about dropped datagrams.
  static let dropEventInterval: UInt64 = 60_000_000_000

  /// New streams whose answers leave together, likewise `EventLoop`'s jobs: more would make the two ends of a connection
  /// work in turns.
  private static let streamsPerFlush = 32

  var environment: QUICConnection.Environment
  /// It owns this endpoint.
  private unowned let sink: any DatagramSink
  let events: (TransportEvent) -> Void
  /// Unix seconds, for certificates.
  private let wallSeconds: () -> Int64
  private let slab = SendSlab()

  private var connections: [ConnectionID: QUICConnection] = [:]
  private var resetTokens: [ResetToken: QUICConnection] = [:]
  private(set) var all: [ObjectIdentifier: QUICConnection] = [:]
  /// Under way, by a number of their own: as many as whoever dials lets run at a time.
  var dials: [UInt64: OutboundDial] = [:]
  var lastDial: UInt64 = 0
  private var timers = TimerHeap()
  private var dirty: [QUICConnection] = []
  /// What `flush` is working through while `dirty` fills again.
  private var flushing: [QUICConnection] = []
  private var tombstones = Tombstones()
  private var certificates = CertificateCache()
  var handshakesInbound = 0
  var budget: BufferBudget
  var isAccepting = false
  var admits: ([UInt8]) -> String? = { _ in nil }
  private var answers = (second: UInt64(0), count: 0)
  var refusalEvents = (second: UInt64(0), count: 0)
  /// When dropped datagrams were last told of, and how many there had been.
  var dropEvent: (time: MonotonicNanoseconds, dropped: Int)?
  /// The sink has no room: nothing is written until `unblock`.
  private(set) var isBlocked = false
  /// Announced since the last flush.
  private var unansweredStreams = 0

  /// Counts of what came without a connection, for tests and for the log.
  struct Counters: Equatable {
    var dropped = 0
    var retries = 0
    var versionNegotiations = 0
    var statelessResets = 0
    var refused = 0
    /// Inbound handshakes that came to no connection.
    var handshakesFailed = 0
  }
  var counters = Counters()

  init(
    environment: QUICConnection.Environment, sink: any DatagramSink, wallSeconds: @escaping () -> Int64,
    events: @escaping (TransportEvent) -> Void
  ) {
    self.environment = environment
    let configuration = environment.configuration
    self.budget = BufferBudget(
      limit: configuration.buffersMax, wide: configuration.connectionWindowMax, narrow: configuration.connectionWindow)
    self.sink = sink
    self.wallSeconds = wallSeconds
    self.events = events
  }

  deinit { self.slab.deallocate() }

  var connectionCount: Int { self.all.count }

  var figures: TransportFigures {
    var figures = TransportFigures()
    figures.datagramsDropped = self.counters.dropped
    figures.retriesSent = self.counters.retries
    figures.versionNegotiationsSent = self.counters.versionNegotiations
    figures.statelessResetsSent = self.counters.statelessResets
    figures.handshakesRefused = self.counters.refused
    figures.handshakesFailed = self.counters.handshakesFailed
    figures.handshakes = self.handshakesInbound
    let limit = self.environment.configuration.handshakesMax
    figures.handshakesMax = limit == .max ? nil : limit
    figures.certificates = self.certificates.count
    figures.certificatesMax = CertificateCache.capacityDefault
    figures.buffersReserved = self.budget.reserved
    figures.buffersMax = self.budget.limit
    return figures
  }

  // MARK: Input

  /// A received message: datagrams of `segment` bytes, the last possibly shorter.
  func receive(
    _ bytes: UnsafeRawBufferPointer, segment: Int, local: clinux_address, remote: clinux_address, ecn: UInt8,
    now: MonotonicNanoseconds
  ) {
    var local = local
    var remote = remote
    var offset = 0
    // Segments of one train mostly belong to one connection: look it up once.
    var lastID: ConnectionID?
    var last: QUICConnection?
    while offset < bytes.count {
      let end = min(offset + max(segment, 1), bytes.count)
      let datagram = UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
      offset = end
      if datagram[0] & 0x80 == 0, datagram.count > 8 {
        let id = ConnectionID(local: datagram.baseAddress! + 1)
        if id != lastID || last?.phase == .closed {
          lastID = id
          last = self.connections[id]
        }
        if let connection = last {
          self.deliver(datagram, to: connection, &local, &remote, ecn, now)
          if self.unansweredStreams >= QUICEndpoint.streamsPerFlush { self.flush(now: now) }
          continue
        }
      }
      self.route(datagram, &local, &remote, ecn, now)
    }
  }

  func deliver(
    _ datagram: UnsafeRawBufferPointer, to connection: QUICConnection, _ local: inout clinux_address,
    _ remote: inout clinux_address, _ ecn: UInt8, _ now: MonotonicNanoseconds
  ) {
    let outcome = connection.receive(datagram, local: &local, remote: &remote, ecn: ecn, now: now)
    self.settle(connection, outcome, now: now)
    if case .dropped = outcome { self.drop(remote, now) }
  }

  /// The long way: long headers, unknown ids.
  private func route(
    _ datagram: UnsafeRawBufferPointer, _ local: inout clinux_address, _ remote: inout clinux_address, _ ecn: UInt8,
    _ now: MonotonicNanoseconds
  ) {
    var version: UInt32 = 0
    var dcid = cng_cid()
    var scid = cng_cid()
    let data = datagram.baseAddress!.assumingMemoryBound(to: UInt8.self)
    switch cng_decode(data, datagram.count, &version, &dcid, &scid) {
    case CNG_ROUTE: break
    case CNG_VERSION_NEGOTIATION:
      self.answer(&local, &remote, now) { packet, _ in cng_write_version_negotiation(packet, 1_200, &dcid, &scid) }
      self.counters.versionNegotiations += 1
      return
    default:
      return self.drop(remote, now)
    }
    let id = ConnectionID(dcid)
    if let connection = self.connections[id] {
      return self.deliver(datagram, to: connection, &local, &remote, ecn, now)
    }
    if let tombstone = self.tombstones[id] { return self.remind(tombstone) }
    if datagram[0] & 0x80 == 0 {
      self.unknownShort(datagram, dcid, &local, &remote, ecn, now)
    } else {
      self.accept(datagram, &local, &remote, ecn, now)
    }
  }

  /// The peer has not heard our close: repeat it for the 1st, 2nd, 4th, 8th … packet.
  private func remind(_ tombstone: Tombstones.Tombstone) {
    tombstone.hits += 1
    guard let packet = tombstone.packet, tombstone.hits & (tombstone.hits - 1) == 0, !self.isBlocked else { return }
    packet.withUnsafeBytes { self.send($0, tombstone.route) }
  }

  /// A stateless reset for one of ours, or a packet of a connection that we do not know (RFC 9000 §10.3).
  private func unknownShort(
    _ datagram: UnsafeRawBufferPointer, _ dcid: cng_cid, _ local: inout clinux_address, _ remote: inout clinux_address,
    _ ecn: UInt8, _ now: MonotonicNanoseconds
  ) {
    if datagram.count >= 21,
      let connection = self.resetTokens[ResetToken(datagram.baseAddress! + datagram.count - Int(CNG_TOKEN_BYTES))]
    {
      return self.deliver(datagram, to: connection, &local, &remote, ecn, now)
    }
    // Shorter than its cause, so that two endpoints cannot answer each other for ever.
    guard datagram.count >= 22 else { return self.drop(remote, now) }
    var dcid = dcid
    let length = min(41, datagram.count - 1)
    self.answer(&local, &remote, now) { packet, _ in
      cng_write_stateless_reset(packet, length, self.environment.secret, &dcid)
    }
    self.counters.statelessResets += 1
  }

  // MARK: Connections

  func makeConnection(
    _ origin: QUICConnection.Origin, handshakeTimeout: Duration, now: MonotonicNanoseconds
  ) throws -> QUICConnection {
    let wall = self.wallSeconds()
    if wall >= self.environment.credentials.renewalTime {
      self.environment.credentials = try self.environment.credentials.renewed(now: wall)
    }
    let window = self.budget.next ?? self.budget.narrow
    let connection = try QUICConnection(
      origin, self.environment, owner: self, handshakeTimeout: handshakeTimeout, windowMax: window, now: now)
    self.budget.reserve(window)
    self.all[ObjectIdentifier(connection)] = connection
    return connection
  }

  // MARK: Output

  /// Fires timers and writes. Returns when to be called again; 0 for at once, `.max` for never.
  func turn(now: MonotonicNanoseconds) -> MonotonicNanoseconds {
    self.tombstones.expire(now: now)
    var fired = 0
    while let connection = self.timers.first, connection.deadline <= now, fired < QUICEndpoint.timersPerTurnMax {
      fired += 1
      // Whatever it does next sets its own deadline; this one must not fire again in this turn.
      self.timers.set(connection, deadline: now + 1_000_000_000)
      if self.renew(connection, now: now) { continue }
      self.settle(connection, connection.timeout(now: now), now: now)
      connection.markDirty()
    }
    self.flush(now: now)
    if !self.dirty.isEmpty, !self.isBlocked { return 0 }
    return min(self.timers.first?.deadline ?? .max, self.tombstones.nextExpiry)
  }

  /// One burst of every connection that has something to say.
  private func flush(now: MonotonicNanoseconds) {
    self.unansweredStreams = 0
    guard !self.isBlocked, !self.dirty.isEmpty else { return }
    swap(&self.dirty, &self.flushing)
    defer { self.flushing.removeAll(keepingCapacity: true) }
    // By index, as an iterator allocates in a debug build, where AllocationTests count.
    for index in 0..<self.flushing.count { self.flushing[index].isDirty = false }
    for index in 0..<self.flushing.count {
      let connection = self.flushing[index]
      if connection.phase == .closed { continue }
      if self.isBlocked {
        connection.markDirty()
        continue
      }
      switch connection.write(self.slab, self.sink, now: now) {
      case .idle: break
      case .more: connection.markDirty()
      case .blocked:
        self.isBlocked = true
        connection.markDirty()
      case .closed(let reason):
        self.settle(connection, .closed(reason), now: now)
        continue
      }
      if let raw = connection.raw { self.timers.set(connection, deadline: cng_expiry(raw)) }
    }
  }

  /// The sink has room again.
  func unblock() { self.isBlocked = false }

  private func send(_ bytes: UnsafeRawBufferPointer, _ route: cng_route) {
    if !self.sink.send(bytes, segment: bytes.count, route: route) { self.isBlocked = true }
  }

  /// Answers the sender of a datagram that belongs to no connection, within the rate.
  func answer(
    _ local: inout clinux_address, _ remote: inout clinux_address, _ now: MonotonicNanoseconds,
    _ write: (UnsafeMutablePointer<UInt8>, inout clinux_address) -> Int64
  ) {
    let second = now / 1_000_000_000
    if self.answers.second != second { self.answers = (second, 0) }
    guard self.answers.count < QUICEndpoint.answersPerSecondMax, !self.isBlocked else { return }
    self.answers.count += 1
    let bytes = write(self.slab.bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), &remote)
    guard bytes > 0 else { return }
    self.send(
      UnsafeRawBufferPointer(rebasing: self.slab.bytes[0..<Int(bytes)]), cng_route(local: local, remote: remote, ecn: 0)
    )
  }

  // MARK: What became of a connection

  private func settle(_ connection: QUICConnection, _ outcome: QUICConnection.Outcome, now: MonotonicNanoseconds) {
    if connection.becameEstablished { self.established(connection, now: now) }
    switch outcome {
    case .alive:
      if !connection.newStreams.isEmpty { self.announceStreams(connection) }
      if connection.takePathChanged(), let handle = connection.handle, handle.updatePath() {
        self.events(.pathChanged(handle))
      }
      if let reason = connection.failedMigration() {
        return self.finish(connection, reason, code: 0, words: "", now: now)
      }
      connection.markDirty()
    case .closed(let reason):
      self.finish(connection, reason, code: 0, words: "", now: now)
    case .dropped:
      self.remove(connection, CloseReason("dropped", initiator: .none))
    }
  }

  private func established(_ connection: QUICConnection, now: MonotonicNanoseconds) {
    guard connection.takeEstablished(now: now), let peer = connection.peer else { return }
    if connection.direction == .inbound { self.handshakesInbound -= 1 }
    let handle = QUICConnectionHandle(
      connection, peer: .init(id: peer.peerID, key: peer.publicKey), endpoint: self, openedAt: wallMilliseconds())
    connection.handle = handle
    self.events(.opened(handle))
    connection.dial?.end(.success(handle))
  }

  private func announceStreams(_ connection: QUICConnection) {
    guard let handle = connection.handle else { return }
    let streams = connection.newStreams
    connection.newStreams = []
    self.unansweredStreams += streams.count
    for stream in streams { self.events(.stream(stream, on: handle)) }
  }

  /// Closes with an application code of ours.
  func close(_ connection: QUICConnection, code: UInt64, words: String, now: MonotonicNanoseconds) {
    guard connection.phase != .closed else { return }
    // A code without streams' last words would be unkind: what is queued goes first, one burst of it.
    if connection.phase == .established, connection.firstQueued != nil, !self.isBlocked,
      case .blocked = connection.write(self.slab, self.sink, now: now)
    {
      self.isBlocked = true
    }
    let reason = CloseReason(
      "closed_locally", initiator: .local, code: code, isApplicationCode: true, detail: words.isEmpty ? nil : words)
    self.finish(connection, reason, code: code, words: words, now: now)
  }

  func closeAll(code: UInt64, words: String, now: MonotonicNanoseconds) {
    for connection in Array(self.all.values) { self.close(connection, code: code, words: words, now: now) }
  }

  /// Says goodbye where that is due, keeps the last word for late packets, and forgets the connection.
  func finish(
    _ connection: QUICConnection, _ reason: CloseReason, code: UInt64, words: String, now: MonotonicNanoseconds
  ) {
    guard connection.phase != .closed, let raw = connection.raw else { return }
    if connection.direction == .inbound, connection.handle == nil, reason.initiator != .remote,
      reason.reason != "closed_locally"
    {
      let words = reason.detail.map { "\(reason.reason): \($0)" } ?? reason.reason
      self.tellRefusal(connection.path.remote, words, now)
    }
    let isSilent =
      reason.initiator != .local || (reason.reason == "handshake_timeout" && connection.direction == .inbound)
    let last = isSilent ? nil : connection.writeClose(code: code, words: words, slab: self.slab, now: now)
    if let last, !self.isBlocked { last.packet.withUnsafeBytes { self.send($0, last.route) } }
    if last != nil || reason.initiator == .remote {
      // Three probe timeouts (RFC 9000 §10.2); the cap keeps a bad estimate from filling the table.
      let linger = min(3 * cng_probe_timeout(raw), 10_000_000_000)
      self.tombstones.bury(
        .init(ids: connection.ids, packet: last?.packet, route: last?.route ?? cng_route(), expiry: now + linger))
    }
    self.remove(connection, reason)
  }

  func remove(_ connection: QUICConnection, _ reason: CloseReason) {
    guard self.all.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
    for id in connection.ids where self.connections[id] === connection { self.connections[id] = nil }
    for token in connection.resetTokens where self.resetTokens[token] === connection { self.resetTokens[token] = nil }
    self.timers.remove(connection)
    if connection.direction == .inbound, connection.handle == nil {
      self.handshakesInbound -= 1
      self.counters.handshakesFailed += 1
    }
    self.budget.release(connection.windowMax)
    let dial = connection.dial
    // What it heard is asked before it ends.
    let failure = dial == nil ? nil : DialError(connection, reason)
    connection.handle?.keepStatistics()
    connection.end(reason)
    if let handle = connection.handle { self.events(.closed(handle, reason)) }
    // The two hold each other while the connection lives.
    connection.handle = nil
    if let failure { dial?.end(.failure(failure)) }
  }

  // MARK: QUICConnectionOwner

  func connection(_ connection: QUICConnection, added id: ConnectionID) {
    self.connections[id] = connection
    connection.ids.append(id)
  }

  func connection(_ connection: QUICConnection, removed id: ConnectionID) {
    if self.connections[id] === connection { self.connections[id] = nil }
    connection.ids.removeAll { $0 == id }
  }

  func connection(_ connection: QUICConnection, resetToken: ResetToken, isActive: Bool) {
    if isActive {
      self.resetTokens[resetToken] = connection
      connection.resetTokens.append(resetToken)
    } else {
      if self.resetTokens[resetToken] === connection { self.resetTokens[resetToken] = nil }
      connection.resetTokens.removeAll { $0 == resetToken }
    }
  }

  func verify(certificate: UnsafeRawBufferPointer) throws(CertificateError) -> VerifiedCertificate {
    guard self.environment.configuration.cachesCertificates else {
      return try CertificateVerifier.verify(der: certificate, now: self.wallSeconds())
    }
    return try self.certificates.verify(der: certificate, now: self.wallSeconds())
  }

  func connectionIsDirty(_ connection: QUICConnection) {
    connection.isDirty = true
    self.dirty.append(connection)
  }
}
