internal import Logging
package import P2PCore

/// The node's heart: knows peers and connections, dials, keeps the pinned ones, serves protocols, publishes events.
package actor Host {
  package nonisolated let localPeer: PeerID
  package nonisolated let events: EventLog
  package nonisolated let counters = HostCounters()
  package nonisolated let gate: Gate

  nonisolated let configuration: HostConfiguration
  nonisolated let transport: any Transport
  nonisolated let clock: HostClock
  nonisolated let services: HostServices
  nonisolated let router: ProtocolRouter
  nonisolated let profile: LocalProfile
  nonisolated let inbox: TransportInbox
  nonisolated let attemptSlots: SlotPool
  nonisolated let log = Logger(subsystem: "host")
  /// For what peers do wrong.
  nonisolated let limitedLog = RateLimitedLog(Logger(subsystem: "host"))

  enum Phase { case initialized, running, draining, stopped }
  var phase: Phase = .initialized
  var startedAt: Int64 = 0

  // The registry.
  var peerTable: PeerTable
  /// By id; bounded by `limits.connections`.
  var connectionTable: [String: ConnectionRecord] = [:]
  var connectionCounts = ConnectionCounts()
  var lastConnectionNumber: UInt64 = 0
  /// Of connections that are gone.
  var closedTraffic = Traffic()
  var closedConnectionRing = Ring<ClosedConnectionInfo>(capacity: Host.closedConnectionsMax)
  var observed = ObservedAddresses()
  var unknownPeerTable = UnknownPeers()
  var observers: [any ConnectionObserver] = []

  // Dialling.
  var lastDialNumber: UInt64 = 0
  /// Of those that wait for a dial.
  var lastTicket: UInt64 = 0
  /// Under way, by id.
  var dialJobs: [String: DialJob] = [:]
  /// The dial under way to a peer; there is at most one.
  var dialOfPeer: [PeerID: String] = [:]
  var endedDials = Ring<DialInfo>(capacity: Host.endedDialsMax)

  // Keeping.
  var retries = RetryQueue<PeerID>()
  /// Connections by the time of their next ping.
  var probes = RetryQueue<String>()
  /// Connections that are being closed, by the time at which they are cut off.
  var drains = RetryQueue<String>()
  var isTrimming = false
  var quorum: QuorumGate
  var quorumDue: Duration = .zero
  /// When a limit was last told of as reached, by its key.
  var limitsTold: [String: Duration] = [:]
  /// Of the current second: refusals told of, and those that were not since the last that was.
  var refusals: (since: Duration, told: Int, untold: Int) = (.zero, 0, 0)
  var random = SystemRandomNumberGenerator()
  /// Grows with each change of the address book.
  var bookRevision: UInt64 = 0

  /// A round of identify pushes waits to begin.
  var pushScheduled = false
  private var tickers: [Task<Void, Never>] = []

  /// Closed connections that are remembered.
  static let closedConnectionsMax = 10_000
  /// Dials that are remembered after their end.
  static let endedDialsMax = 1_024
  /// How often the host looks after what is due: retries, pings, expiries.
  package static let tickInterval: Duration = .milliseconds(250)

  package init(
    configuration: HostConfiguration, transport: any Transport, events: EventLog, clock: HostClock,
    services: HostServices
  ) {
    self.localPeer = configuration.localPeer
    self.events = events
    self.configuration = configuration
    self.transport = transport
    self.clock = clock
    self.services = services
    self.gate = Gate(policy: configuration.policy)
    self.router = ProtocolRouter(
      executor: transport.streamExecutor, limits: configuration.limits.streams,
      counters: self.counters, clock: clock, log: Logger(subsystem: "streams"))
    self.profile = LocalProfile(
      configuration: configuration, transport: transport, router: self.router, interfaces: services.interfaces)
    self.inbox = TransportInbox(counters: self.counters)
    let limits = configuration.limits
    self.attemptSlots = SlotPool(count: limits.attemptsMax)
    self.peerTable = PeerTable(
      maximum: max(limits.peersMax, limits.connections.total + limits.dialAddressesMax + 1) + limits.bookMax)
    self.quorum = QuorumGate(required: configuration.connectedPeersMin ?? 0)
  }

  // MARK: Life

  /// Serves the protocols every node serves and begins to accept. Once; the address book is loaded before.
  package func start() async throws {
    precondition(self.phase == .initialized, "a host starts once")
    self.phase = .running
    self.startedAt = self.clock.wall()
    try self.registerOwnProtocols()
    let router = self.router
    let inbox = self.inbox
    let gate = self.gate
    let clock = self.clock
    do {
      try await self.transport.start(
        admits: { gate.refusal(ofAddress: $0, now: clock.wall()) },
        events: { [weak self] event in
          if case .stream(let stream, let connection) = event {
            router.route(stream, on: connection)
          } else if inbox.put(event), let self {
            Task { await self.drainInbox() }
          }
        })
    } catch {
      self.phase = .stopped
      throw error
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
    self.updateQuorum(clock.monotonic())
    self.keepAll()
    self.tickers = [
      Task { [router, clock] in
        while await clock.pause(.seconds(1)) { router.tick() }
      },
      Task { [weak self, clock] in
        while await clock.pause(Self.tickInterval) {
          guard let self else { return }
          await self.tick()
        }
      },
    ]
  }

  private func registerOwnProtocols() throws {
    _ = try self.router.register(PingProtocol())
    _ = try self.router.register(IdentifyProtocol(profile: self.profile))
    _ = try self.router.register(
      IdentifyPushProtocol { [weak self] message, connection in
        await self?.identified(message, on: connection)
      })
    if self.configuration.servesPerf { _ = try self.router.register(PerfProtocol()) }
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
    for id in Array(self.dialJobs.keys) { self.cancelJob(id) }
    await self.transport.stopAccepting()
    while self.router.delayingStreams > 0, self.clock.monotonic() < deadline {
      guard await self.clock.pause(.milliseconds(20)) else { break }
    }
    // Peers must hear of it even where the handlers took all the time there was.
    let left = max(deadline - self.clock.monotonic(), .milliseconds(500))
    await self.transport.shutdown(code: ConnectionCode.shutdown, timeout: left)
    self.drainInbox()
    for ticker in self.tickers { ticker.cancel() }
    self.tickers = []
    self.observers = []
    self.router.forgetHandlers()
    self.phase = .stopped
  }

  // MARK: Protocols

  /// Serves a further protocol and tells the peers that are connected.
  package func register(_ handler: any ProtocolHandler) throws(ProtocolRegistrationError) {
    let ids = try self.router.register(handler)
    guard self.phase == .running else { return }
    for id in ids {
      self.publish("protocol.registered", fields: [("protocol", .string(id))])
    }
    self.schedulePush()
  }

  /// Serves what `protocolID` leads to no longer, under none of its ids, and tells the peers that are connected. Streams
  /// under way go on. False when nobody served it.
  package func withdraw(_ protocolID: String) -> Bool {
    let ids = self.router.withdraw(protocolID)
    for id in ids { self.publish("protocol.withdrawn", fields: [("protocol", .string(id))]) }
    if !ids.isEmpty { self.schedulePush() }
    return !ids.isEmpty
  }

  // MARK: Events

  /// Tells `observer` of every connection from now on.
  package func add(observer: any ConnectionObserver) { self.observers.append(observer) }

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

  /// Tells the observers and publishes. `closing` is known while it is being closed, `closed` when it is gone.
  func publish(
    _ change: LinkChange, of connection: any Connection, closing: CloseReason? = nil, closed: CloseReason? = nil
  ) {
    for observer in self.observers { observer.connection(connection, became: change.to, reason: closed ?? closing) }
    var fields: [(String, EventValue)] = [
      ("from", .string(change.from.rawValue)), ("to", .string(change.to.rawValue)),
      ("reason", EventValue(closed?.reason ?? closing?.detail)), ("direction", .string(connection.direction.rawValue)),
      ("remote_address", .string("\(connection.remoteAddress)")),
    ]
    if let closed {
      fields += [
        ("initiator", .string(closed.initiator.rawValue)),
        ("code", closed.code.map { .int(Int64(clamping: $0)) } ?? .null), ("error", EventValue(closed.detail)),
      ]
    }
    self.publish("connection.state_changed", peer: connection.remotePeer, connection: connection.id, fields: fields)
  }
}
