internal import Logging
package import P2PCore

/// The node's heart: knows peers and connections, dials, serves protocols, publishes events.
package actor Host {
  package nonisolated let localPeer: PeerID
  package nonisolated let events: EventLog
  package nonisolated let counters = HostCounters()

  nonisolated let configuration: HostConfiguration
  nonisolated let transport: any Transport
  nonisolated let clock: HostClock
  nonisolated let resolve: NameResolver
  nonisolated let resolveText: TextResolver?
  nonisolated let router: ProtocolRouter
  nonisolated let profile: LocalProfile
  nonisolated let inbox: TransportInbox
  nonisolated let log = Logger(subsystem: "host")
  /// For what peers do wrong.
  nonisolated let limitedLog = RateLimitedLog(Logger(subsystem: "host"))

  enum Phase { case initialized, running, draining, stopped }
  var phase: Phase = .initialized
  var startedAt: Int64 = 0
  var peerTable: PeerTable
  /// By id; at most `connectionsMax` and those that dials bring while it is reached.
  var connectionTable: [String: ConnectionRecord] = [:]
  var lastConnectionNumber: UInt64 = 0
  var lastDialNumber: UInt64 = 0
  var dialsUnderWay = 0
  var observed = ObservedAddresses()
  /// A round of identify pushes waits to begin.
  var pushScheduled = false
  private var ticker: Task<Void, Never>?

  package init(
    configuration: HostConfiguration, transport: any Transport, events: EventLog, clock: HostClock,
    resolve: @escaping NameResolver, resolveText: TextResolver? = nil, interfaces: @escaping InterfaceLister
  ) {
    self.localPeer = configuration.localPeer
    self.events = events
    self.configuration = configuration
    self.transport = transport
    self.clock = clock
    self.resolve = resolve
    self.resolveText = resolveText
    self.router = ProtocolRouter(
      executor: transport.streamExecutor, streamsMax: configuration.limits.streamsInboundMax,
      counters: self.counters, log: Logger(subsystem: "streams"))
    self.profile = LocalProfile(
      configuration: configuration, transport: transport, router: self.router, interfaces: interfaces)
    self.inbox = TransportInbox(counters: self.counters)
    let limits = configuration.limits
    self.peerTable = PeerTable(
      maximum: max(limits.peersMax, limits.connectionsMax + limits.dialAddressesMax + 1))
  }

  // MARK: Life

  /// Serves the protocols every node serves and begins to accept. Once.
  package func start() async throws {
    precondition(self.phase == .initialized, "a host starts once")
    self.phase = .running
    self.startedAt = self.clock.wall()
    try self.registerOwnProtocols()
    let router = self.router
    let inbox = self.inbox
    do {
      try await self.transport.start { [weak self] event in
        if case .stream(let stream, let connection) = event {
          router.route(stream, on: connection)
        } else if inbox.put(event), let self {
          Task { await self.drainInbox() }
        }
      }
    } catch {
      self.phase = .stopped
      throw error
    }
    self.ticker = Task { [router, clock] in
      while await clock.pause(.seconds(1)) { router.tick() }
    }
    self.publish(
      "node.started",
      fields: [("agent_version", .string(self.configuration.agentVersion)), ("protocols", .init(router.protocolIDs))])
    for listener in self.transport.listeners {
      if let error = listener.error {
        self.publish(
          "listener.failed", fields: [("address", .string("\(listener.address)")), ("error", .string(error))])
      } else {
        self.publish("listener.added", fields: [("address", .string("\(listener.address)"))])
      }
    }
  }

  private func registerOwnProtocols() throws {
    try self.router.register(PingProtocol())
    try self.router.register(IdentifyProtocol(profile: self.profile))
    try self.router.register(
      IdentifyPushProtocol { [weak self] message, connection in
        await self?.identified(message, on: connection)
      })
    if self.configuration.servesPerf { try self.router.register(PerfProtocol()) }
  }

  /// Ends the node's life: refuses new work, lets running handlers finish for at most `timeout`, closes all
  /// connections with `ConnectionCode.shutdown` and then the sockets. Later calls return at once.
  package func shutdown(timeout: Duration) async {
    guard self.phase == .running else {
      if self.phase == .initialized { self.phase = .stopped }
      return
    }
    self.phase = .draining
    let deadline = self.clock.monotonic() + timeout
    self.router.drain()
    self.publish("node.draining", fields: [])
    await self.transport.stopAccepting()
    while self.router.delayingStreams > 0, self.clock.monotonic() < deadline {
      guard await self.clock.pause(.milliseconds(20)) else { break }
    }
    // Peers must hear of it even where the handlers took all the time there was.
    let left = max(deadline - self.clock.monotonic(), .milliseconds(500))
    await self.transport.shutdown(code: ConnectionCode.shutdown, timeout: left)
    self.drainInbox()
    self.ticker?.cancel()
    self.router.forgetHandlers()
    self.phase = .stopped
  }

  // MARK: Protocols

  /// Serves a further protocol and tells the peers that are connected.
  package func register(_ handler: any ProtocolHandler) throws(ProtocolRegistrationError) {
    try self.router.register(handler)
    for id in handler.protocolIDs {
      self.publish("protocol.registered", fields: [("protocol", .string(id))])
    }
    self.schedulePush()
  }

  /// False when nobody served it. Streams under way go on.
  package func unregister(_ protocolID: String) -> Bool {
    guard self.router.unregister(protocolID) else { return false }
    self.schedulePush()
    return true
  }

  // MARK: Closing

  /// Closes all connections to `peer`; false when the peer is unknown. `reason` is told to the peer.
  package func disconnect(_ peer: PeerID, reason: String) async -> Bool {
    guard let record = self.peerTable[peer] else { return false }
    for id in record.connections { _ = self.beginClosing(id, reason: reason, abort: false) }
    return true
  }

  /// False when there is no such live connection. `abort` does not wait for streams.
  package func closeConnection(_ id: String, abort: Bool) async -> Bool {
    self.beginClosing(id, reason: "closed by the operator", abort: abort)
  }

  /// Bytes of a close reason that are told to the peer: a CONNECTION_CLOSE must fit into one packet.
  static let closeReasonBytesMax = 128

  private func beginClosing(_ id: String, reason: String, abort: Bool) -> Bool {
    guard let record = self.connectionTable[id] else { return false }
    let connection = record.connection
    let told = String(decoding: reason.utf8.prefix(Self.closeReasonBytesMax), as: UTF8.self)
    guard
      case .close(let change)? = self.connectionTable[id]?.lifecycle.closing(
        CloseReason("closed_locally", initiator: .local, detail: reason))
    else {
      // Being closed already; an abort hurries it.
      if abort { connection.close(code: ConnectionCode.none, reason: told) }
      return true
    }
    record.identification?.cancel()
    let peer = connection.remotePeer
    let peerChange = self.peerTable[peer]?.connectionClosing(now: self.clock.wall())
    self.publish(change, of: connection, reason: reason)
    self.publish(peerChange, of: peer, reason: reason)
    if abort {
      connection.close(code: ConnectionCode.none, reason: told)
    } else {
      let grace = self.configuration.limits.closeGrace
      Task { [clock] in
        let deadline = clock.monotonic() + grace
        while clock.monotonic() < deadline, let figures = await connection.statistics(),
          figures.streamsInbound + figures.streamsOutbound > 0
        {
          guard await clock.pause(.milliseconds(20)) else { break }
        }
        connection.close(code: ConnectionCode.none, reason: told)
      }
    }
    return true
  }

  // MARK: Events

  func publish(
    _ type: String, peer: PeerID? = nil, connection: String? = nil, fields: [(String, EventValue)]
  ) {
    self.events.publish(type, time: self.clock.wall(), peerID: peer, connectionID: connection, fields: fields)
  }

  func publish(_ change: LinkChange?, of peer: PeerID, reason: String?) {
    guard let change else { return }
    self.publish(
      "peer.state_changed", peer: peer,
      fields: [
        ("from", .string(change.from.rawValue)), ("to", .string(change.to.rawValue)), ("reason", EventValue(reason)),
      ])
  }

  func publish(
    _ change: LinkChange, of connection: any Connection, reason: String?, further: [(String, EventValue)] = []
  ) {
    self.publish(
      "connection.state_changed", peer: connection.remotePeer, connection: connection.id,
      fields: [
        ("from", .string(change.from.rawValue)), ("to", .string(change.to.rawValue)), ("reason", EventValue(reason)),
        ("direction", .string(connection.direction.rawValue)),
        ("remote_address", .string("\(connection.remoteAddress)")),
      ] + further)
  }
}
