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
    /// As many as there are streams of the protocol, each at its `place`.
    var sessions: [LiveSession] = []
    /// Those that are to end; few at any time.
    var ending: [ObjectIdentifier: LiveSession] = [:]
    /// The agreed ones of each peer that has any.
    var agreed: [PeerID: AgreedSessions] = [:]
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
    let session = LiveSession(stream: stream, connection: connection, answerBy: deadline)
    self.state.withLock { state in
      session.place = state.sessions.count
      state.sessions.append(session)
    }
    return session
  }

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

  /// Reads and answers until one side ends the session. `first` is what `begin` told.
  ///
  /// Every call of an async function and every return from one looks up where the task prefers to run, at the cost of a
  /// lock and an allocation in Swift's runtime. So all that need not be awaited is done in `step`, which is the rule.
  @inline(__always)
  func run(_ session: LiveSession, _ first: Step) async {
    var next = first
    while true {
      switch next {
      case .wait:
        await withUnsafeContinuation { session.stream.wake($0) }
        next = self.step(session)
      case .finished:
        if self.remove(session) { await self.wasLast(session) }
        return
      default: next = await self.take(next, session)
      }
    }
  }

  /// `session` is agreed. What is to be done first in it.
  @inline(never)
  func begin(_ session: LiveSession, _ agreement: Agreement, _ direction: Direction) -> Step {
    self.host.counters.agreed(direction)
    session.agreed(Session(agreement, now: self.clock.monotonic()))
    let (isNews, anyEnding) = self.state.withLock { state in
      let peer = session.connection.remotePeer
      let known = state.agreed[peer]
      let agreed = known ?? AgreedSessions(peer)
      if known == nil { state.agreed[peer] = agreed }
      let isNews = agreed.latest?.isAgreed(as: agreement) != true
      agreed.add(session)
      session.agreedSessions = agreed
      return (isNews, !state.ending.isEmpty)
    }
    if anyEnding { self.giveWay(session.connection.remotePeer) }
    return isNews ? .tellHost : self.step(session)
  }

  /// What ended a session otherwise than by the remote's end.
  struct Ending {
    var words: String
    var rejection: Rejection?
    /// The stream is to be ended, behind `answer`.
    var finishes = false
    var answer: [UInt8]?
  }

  /// What a session comes to next.
  enum Step {
    /// Nothing has come, on the transport's thread.
    case wait
    /// Both sides have ended it, or nothing is left to do.
    case finished
    // What is to be awaited.
    case read
    case collect(Int)
    case send([UInt8])
    case finish
    indirect case over(Ending)
    case tellHost
    case tellClock
  }

  /// Answers what has come, as far as nothing is to be awaited.
  @inline(never)
  private func step(_ session: LiveSession) -> Step {
    let reader = FrameReader(session.stream, limit: session.receiveLimit)
    do throws(ProtocolStreamError) {
      while true {
        switch try reader.frameNow() {
        case .wait: return session.stream.isCurrent ? .wait : .read
        case .large(let size): return .collect(size)
        case .end: return try session.sendNow(nil, finish: true) ? .finished : .finish
        case .message(let frame):
          if let step = try self.answer(frame, session) { return step }
        }
      }
    } catch {
      return self.failed(session, error)
    }
  }

  /// Nil when nothing is left to do.
  private func answer(_ frame: [UInt8], _ session: LiveSession) throws(ProtocolStreamError) -> Step? {
    switch session.received(frame, now: self.clock.monotonic(), nowMilliseconds: self.nowMilliseconds) {
    case .nothing: nil
    case .measured: .tellClock
    case .send(let answer): try session.sendNow(answer) ? nil : .send(answer)
    case .over(let rejection, let answer):
      .over(Ending(words: "\(rejection)", rejection: rejection, finishes: true, answer: answer))
    }
  }

  private func failed(_ session: LiveSession, _ error: ProtocolStreamError) -> Step {
    if session.isUnanswered {
      let words = "\(FederationProtocol.keepAliveMissesMax) keep-alives without an answer"
      return .over(Ending(words: words))
    }
    guard let rejection = Rejection(error, awaitingHello: false) else {
      return .over(Ending(words: "\(error)"))
    }
    session.stream.reset(code: StreamCode.protocolViolation)
    return .over(Ending(words: "\(error)", rejection: rejection))
  }

  /// Does what is to be awaited, and tells what comes then.
  @inline(never)
  private func take(_ step: Step, _ session: LiveSession) async -> Step {
    do throws(ProtocolStreamError) {
      switch step {
      case .wait: break
      case .finished: return step
      case .read: try await session.stream.waitForMore()
      case .collect(let size):
        let frame = try await session.stream.collect(size)
        if let step = try self.answer(frame, session) { return step }
      case .send(let answer): try await session.send(answer)
      case .finish:
        try await session.send(nil, finish: true)
        return .finished
      case .over(let ending):
        await self.over(session, ending)
        return .finished
      case .tellHost: await self.tellHost(of: session.connection.remotePeer, on: session.connection, reason: nil)
      case .tellClock:
        if let offset = session.clockOffset {
          await self.host.clockMeasured(of: session.connection.remotePeer, offset: offset)
        }
      }
      return self.step(session)
    } catch {
      return self.failed(session, error)
    }
  }

  private func over(_ session: LiveSession, _ ending: Ending) async {
    if ending.finishes {
      do {
        try await session.send(ending.answer, finish: true)
      } catch {
        self.log.debug("no answer sent", [("peer", "\(session.connection.remotePeer)"), ("error", "\(error)")])
      }
    }
    if self.remove(session) { await self.wasLast(session, ending.words) }
    guard let rejection = ending.rejection else { return }
    await self.tellHost(of: rejection, session)
    if rejection.by == .local { await self.awaitEnd(of: session.stream) }
  }

  /// No session with the peer is left.
  @inline(never)
  private func wasLast(_ session: LiveSession, _ words: String? = nil) async {
    let words = words ?? (session.isEnding ? "the session moved to another connection" : "the peer ended it")
    await self.tellHost(of: session.connection.remotePeer, on: session.connection, reason: words)
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
      let sessions = state.sessions.filter { $0.connection.id == connection.id }
      for session in sessions {
        session.end(by: deadline)
        state.ending[ObjectIdentifier(session)] = session
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
      let stays = state.agreed[peer]?.sessions.contains { state.ending[ObjectIdentifier($0)] == nil }
      return stays == true ? state.ending.values.filter { $0.connection.remotePeer == peer } : []
    }
    for session in ending { self.finishSoon(session) }
  }

  /// False once the connection is closing.
  func isOpen(_ connection: any Connection) -> Bool { self.state.withLock { $0.dialled[connection.id] != nil } }

  /// A session that was opened while its connection began to close.
  func endLate(_ session: LiveSession) {
    session.end(by: self.clock.monotonic() + Self.supplantedWaits.upperBound)
    self.state.withLock { state in
      if session.place != nil { state.ending[ObjectIdentifier(session)] = session }
    }
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
