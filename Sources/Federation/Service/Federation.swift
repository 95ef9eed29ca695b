internal import Logging
internal import P2PCore
package import P2PHost
internal import Synchronization

/// Speaks `vtcp/btc-foundation` with the members (PROTOCOL.md): opens a session on each connection that this node
/// dialled, serves those of the others, keeps them alive, and tells the host with whom it agreed.
///
/// A peer may have several sessions; it is agreed with while one lives.
package final class Federation: Sendable {
  /// Waits between two tries to open a session on one connection: doubled with each that fails.
  static let retryWaits: ClosedRange<Duration> = .seconds(1)...Duration.seconds(60)
  /// A session on a connection that gives way to another one of the peer ends a little after that one has agreed: the
  /// news of it may be on its way to the peer. Without one it ends after the longer time.
  static let supplantedWaits: ClosedRange<Duration> = .milliseconds(250)...Duration.seconds(3)
  private static let tickInterval: Duration = .seconds(1)

  let host: Host
  let offer: Offer
  let clock: HostClock
  let log = Logger(subsystem: "federation")
  let state = Mutex(State())

  struct State {
    /// As many as there are streams of the protocol, each at its `place`.
    var sessions: [LiveSession] = []
    /// Those that are to end; few at any time.
    var ending: [ObjectIdentifier: LiveSession] = [:]
    /// The agreed ones of each peer that has any.
    var agreed: [PeerID: AgreedSessions] = [:]
    /// Live connections that this node dialled, by id.
    var dialled: [String: Dialled] = [:]
    var ticker: Task<Void, Never>?

    mutating func add(_ session: LiveSession) {
      session.place = self.sessions.count
      self.sessions.append(session)
    }
  }

  /// A connection on which it is this node that opens sessions.
  struct Dialled {
    let connection: any Connection
    /// A session is being opened, or lives.
    var isBusy = false
    var nextAt: Duration = .zero
    var wait: Duration = Federation.retryWaits.lowerBound
  }

  package init(host: Host, offer: Offer, clock: HostClock) {
    self.host = host
    self.offer = offer
    self.clock = clock
  }

  /// Serves and opens from now on. Before the host's start, so that no connection is missed.
  package func start() async throws {
    try await self.host.register(self)
    await self.host.add(observer: self)
    let ticker = Task { [weak self, clock] in
      while await clock.pause(Self.tickInterval) {
        guard let self else { return }
        self.tick()
      }
    }
    self.state.withLock { $0.ticker = ticker }
  }

  /// Opens and keeps alive nothing more; sessions end with their connections.
  package func stop() {
    let ticker = self.state.withLock { state in
      state.dialled = [:]
      return state.ticker
    }
    ticker?.cancel()
  }

  /// Of our clock, milliseconds since the Unix epoch.
  var nowMilliseconds: UInt64 { UInt64(max(0, self.clock.wall())) }

  // MARK: Sessions

  func add(_ session: LiveSession) { self.state.withLock { $0.add(session) } }

  var liveSessions: [LiveSession] { self.state.withLock { $0.sessions } }

  /// True when it was the last session of its peer that was agreed. Idempotent.
  @discardableResult
  func remove(_ session: LiveSession) -> Bool {
    self.state.withLock { state in
      guard let place = session.place else { return false }
      session.place = nil
      let last = state.sessions.removeLast()
      if last !== session {
        last.place = place
        state.sessions[place] = last
      }
      if !state.ending.isEmpty { state.ending[ObjectIdentifier(session)] = nil }
      guard let agreed = session.agreedSessions else { return false }
      session.agreedSessions = nil
      agreed.remove(session)
      if agreed.latest != nil { return false }
      state.agreed[agreed.peer] = nil
      return true
    }
  }

  // MARK: What the host is told

  /// That the sessions of `peer` changed. The host asks what is agreed when it comes to it, so that two changes at the
  /// same time end in what is true.
  func tellHost(of peer: PeerID, on connection: any Connection, reason: String?) async {
    await self.host.agreementChanged(with: peer, on: connection, reason: reason) { [weak self] in
      guard let self else { return nil }
      return self.state.withLock { $0.agreed[peer]?.latest }?.peerAgreement
    }
  }

  func tellHost(of rejection: Rejection, _ session: LiveSession) async {
    // It may have become one meanwhile.
    let isMended =
      rejection.code == .notAMember && rejection.by == .local && self.host.gate.isMember(session.connection.remotePeer)
    await self.tellHost(
      PeerAgreementFailure(
        code: rejection.code.word, detail: rejection.reason, by: rejection.by == .local ? .local : .remote,
        isPermanent: rejection.code.isPermanent && !isMended, at: self.clock.wall()),
      on: session.connection, session.stream.direction)
  }

  /// Of a failure that has a word only here.
  func tellHost(_ failure: PeerAgreementFailure, on connection: any Connection, _ direction: Direction) async {
    // Numbers that we do not know would be as many series.
    let result = failure.code.hasPrefix("code_") ? "other" : failure.code
    self.host.counters.agreementFailed(.init(direction, result))
    await self.host.agreementFailed(with: connection.remotePeer, on: connection, failure)
  }

  // MARK: Every second

  private func tick() {
    let now = self.clock.monotonic()
    let (sessions, due) = self.state.withLock { state in
      let due = state.dialled.values.filter { !$0.isBusy && $0.nextAt <= now }.map(\.connection)
      return (state.sessions, due)
    }
    for session in sessions {
      switch session.timer(now: now, nowMilliseconds: self.nowMilliseconds) {
      case .nothing: break
      case .send(let frame):
        Task(executorPreference: self.host.streamExecutor) { await self.keepAlive(session, frame) }
      case .finish:
        Task(executorPreference: self.host.streamExecutor) { await self.finish(session) }
      case .reset: session.stream.reset(code: StreamCode.none)
      }
    }
    for connection in due { self.begin(on: connection) }
  }

  private func keepAlive(_ session: LiveSession, _ frame: [UInt8]) async {
    do {
      try await session.send(frame)
    } catch {
      // Whoever reads the stream hears of it as well.
      self.log.debug("no keep-alive sent", [("peer", "\(session.connection.remotePeer)"), ("error", "\(error)")])
    }
  }

  func finish(_ session: LiveSession) async {
    do {
      try await session.send(nil, finish: true)
    } catch {
      session.stream.reset(code: StreamCode.none)
    }
  }
}
