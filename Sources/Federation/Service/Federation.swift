internal import Logging
package import P2PCore
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
  private let state = Mutex(State())

  private struct State {
    /// By number; as many as there are streams of the protocol.
    var sessions: [UInt64: LiveSession] = [:]
    var lastNumber: UInt64 = 0
    /// Those that are to end; few at any time.
    var ending: [UInt64: LiveSession] = [:]
    /// The agreed ones of each peer that has any, the latest last.
    var agreed: [PeerID: [LiveSession]] = [:]
    /// Live connections that this node dialled, by id.
    var dialled: [String: Dialled] = [:]
    var ticker: Task<Void, Never>?
  }

  /// A connection on which it is this node that opens sessions.
  private struct Dialled {
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

  func add(_ stream: ProtocolStream, on connection: any Connection, answerBy deadline: Duration?) -> LiveSession {
    let session = self.state.withLock { state in
      state.lastNumber += 1
      let session = LiveSession(number: state.lastNumber, stream: stream, connection: connection, answerBy: deadline)
      state.sessions[session.number] = session
      return session
    }
    return session
  }

  var liveSessions: [LiveSession] { self.state.withLock { Array($0.sessions.values) } }

  func remove(_ session: LiveSession) {
    self.state.withLock { state in
      state.sessions[session.number] = nil
      if !state.ending.isEmpty { state.ending[session.number] = nil }
    }
  }

  /// Reads and answers until one side ends the session. `session` is agreed.
  func run(_ session: LiveSession, _ agreement: Agreement) async {
    let peer = session.connection.remotePeer
    session.agreed(Session(agreement, now: self.clock.monotonic()))
    let isNews = self.state.withLock { state in
      let before = state.agreed[peer]?.last?.agreement
      state.agreed[peer, default: []].append(session)
      return !agreement.isSame(as: before)
    }
    self.giveWay(peer)
    if isNews { await self.tellHost(of: peer, on: session.connection, reason: nil) }
    let ending = await self.converse(session, agreement)
    let isLast = self.state.withLock { state in
      // The first one, as a rule.
      guard let index = state.agreed[peer]?.firstIndex(where: { $0 === session }) else { return false }
      if state.agreed[peer]?.count == 1 {
        state.agreed[peer] = nil
        return true
      }
      state.agreed[peer]?.remove(at: index)
      return false
    }
    if isLast { await self.tellHost(of: peer, on: session.connection, reason: ending.words) }
    guard let rejection = ending.rejection else { return }
    await self.tellHost(of: rejection, session)
    if rejection.by == .local { await self.awaitEnd(of: session.stream) }
  }

  /// What ended a session.
  private struct Ending {
    var words: String
    var rejection: Rejection?
  }

  private func converse(_ session: LiveSession, _ agreement: Agreement) async -> Ending {
    let reader = FrameReader(session.stream, limit: agreement.receiveLimit)
    do {
      while let frame = try await reader.next() {
        switch session.received(frame, now: self.clock.monotonic(), nowMilliseconds: self.nowMilliseconds) {
        case .nothing: break
        case .measured:
          if let offset = session.clockOffset {
            await self.host.clockMeasured(of: session.connection.remotePeer, offset: offset)
          }
        case .send(let answer): try await session.send(answer)
        case .over(let rejection, let answer):
          try await session.send(answer, finish: true)
          return Ending(words: "\(rejection)", rejection: rejection)
        }
      }
      try await session.send(nil, finish: true)
      return Ending(words: session.isEnding ? "the session moved to another connection" : "the peer ended it")
    } catch {
      if session.isUnanswered {
        return Ending(words: "\(FederationProtocol.keepAliveMissesMax) keep-alives without an answer")
      }
      guard let error = error as? ProtocolStreamError else { return Ending(words: "\(error)") }
      guard let rejection = Rejection(error, awaitingHello: false) else { return Ending(words: "\(error)") }
      session.stream.reset(code: StreamCode.protocolViolation)
      return Ending(words: "\(error)", rejection: rejection)
    }
  }

  /// A side that was rejected has a second to end the stream; then it is reset.
  func awaitEnd(of stream: ProtocolStream) async {
    do {
      try await self.clock.limit(FederationProtocol.rejectedTimeout) {
        while try await stream.read(upTo: FederationProtocol.handshakeFrameMax) != nil {}
      }
    } catch {
      stream.reset(code: StreamCode.protocolViolation)
    }
  }

  // MARK: What the host is told

  /// That the sessions of `peer` changed. The host asks what is agreed when it comes to it, so that two changes at the
  /// same time end in what is true.
  private func tellHost(of peer: PeerID, on connection: any Connection, reason: String?) async {
    await self.host.agreementChanged(with: peer, on: connection, reason: reason) { [weak self] in
      guard let self else { return nil }
      return self.state.withLock { $0.agreed[peer]?.last }?.peerAgreement
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
      return (Array(state.sessions.values), due)
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

  private func finishSoon(_ session: LiveSession) {
    Task(executorPreference: self.host.streamExecutor) {
      _ = await self.clock.pause(Self.supplantedWaits.lowerBound)
      await self.finish(session)
    }
  }

  private func finish(_ session: LiveSession) async {
    do {
      try await session.send(nil, finish: true)
    } catch {
      session.stream.reset(code: StreamCode.none)
    }
  }

  // MARK: Connections that this node dialled

  private func opened(_ connection: any Connection) {
    guard connection.direction == .outbound else { return }
    self.state.withLock { $0.dialled[connection.id] = Dialled(connection: connection) }
    self.begin(on: connection)
  }

  /// Opens a session, unless there is one, or the peer is no member.
  private func begin(on connection: any Connection) {
    guard self.host.gate.isMember(connection.remotePeer) else { return }
    let isFree = self.state.withLock { state in
      guard state.dialled[connection.id]?.isBusy == false else { return false }
      state.dialled[connection.id]?.isBusy = true
      return true
    }
    if !isFree { return }
    Task(executorPreference: self.host.streamExecutor) {
      let began = self.clock.monotonic()
      await self.initiate(on: connection)
      self.ended(on: connection, after: self.clock.monotonic() - began)
    }
  }

  /// Plans the next one. One that lasted as long as the longest wait was a good one.
  private func ended(on connection: any Connection, after lifetime: Duration) {
    let now = self.clock.monotonic()
    self.state.withLock { state in
      guard var dialled = state.dialled[connection.id] else { return }
      if lifetime >= Self.retryWaits.upperBound { dialled.wait = Self.retryWaits.lowerBound }
      dialled.isBusy = false
      dialled.nextAt = now + dialled.wait
      dialled.wait = min(dialled.wait * 2, Self.retryWaits.upperBound)
      state.dialled[connection.id] = dialled
    }
  }

  /// `giveWay`: it is closed in favour of another connection of the peer.
  private func closing(_ connection: any Connection, giveWay: Bool) {
    let deadline = self.clock.monotonic() + Self.supplantedWaits.upperBound
    let sessions = self.state.withLock { state in
      state.dialled[connection.id] = nil
      let sessions = state.sessions.values.filter { $0.connection.id == connection.id }
      for session in sessions {
        session.end(by: deadline)
        state.ending[session.number] = session
      }
      return sessions
    }
    for session in sessions {
      if !giveWay { Task(executorPreference: self.host.streamExecutor) { await self.finish(session) } }
    }
    self.giveWay(connection.remotePeer)
  }

  /// Ends those sessions of `peer` that wait for another one to agree, where one has.
  private func giveWay(_ peer: PeerID) {
    let ending = self.state.withLock { state -> [LiveSession] in
      if state.ending.isEmpty { return [] }
      guard state.agreed[peer]?.contains(where: { state.ending[$0.number] == nil }) == true else { return [] }
      return state.ending.values.filter { $0.connection.remotePeer == peer }
    }
    for session in ending { self.finishSoon(session) }
  }

  /// False once the connection is closing.
  func isOpen(_ connection: any Connection) -> Bool { self.state.withLock { $0.dialled[connection.id] != nil } }

  /// A session that was opened while its connection began to close.
  func endLate(_ session: LiveSession) {
    session.end(by: self.clock.monotonic() + Self.supplantedWaits.upperBound)
    self.state.withLock { $0.ending[session.number] = session }
    self.giveWay(session.connection.remotePeer)
  }
}

extension Federation: ConnectionObserver {
  package func connection(_ connection: any Connection, became state: LinkState, reason: CloseReason?) {
    switch state {
    case .connected: self.opened(connection)
    case .disconnecting:
      self.closing(connection, giveWay: reason?.code == ConnectionCode.supplanted)
    case .idle, .failed: self.state.withLock { $0.dialled[connection.id] = nil }
    case .connecting: break
    }
  }

  package func peer(_ peer: PeerID, isMember: Bool) {
    guard isMember else { return }
    let connections = self.state.withLock { state in
      state.dialled.values.map(\.connection).filter { $0.remotePeer == peer }
    }
    for connection in connections { self.begin(on: connection) }
  }
}

extension Agreement {
  /// For whoever looks at the peer, nothing changes from `other` to this.
  fileprivate func isSame(as other: Agreement?) -> Bool {
    guard let other else { return false }
    return self.version == other.version && self.network == other.network && self.agent == other.agent
      && self.capabilities == other.capabilities && self.sendLimit == other.sendLimit
  }
}
