internal import Logging
internal import P2PCore
internal import Synchronization

/// Takes the streams that remotes open, negotiates, and runs the handler of the protocol that was agreed on.
///
/// Streams come from the transport's thread and never pass through the host's actor.
final class ProtocolRouter: Sendable {
  /// Ticks (seconds) that a remote has to name a protocol, and to end its side once the protocol is done.
  static let waitTicksMax: UInt64 = 10

  private struct State {
    var table = ProtocolTable()
    var lastRegistration: UInt64 = 0
    var isDraining = false
    /// Inbound streams between their arrival and their end.
    var streams: [InboundStream] = []
    /// Of each peer that has any.
    var ofPeer: [PeerID: PeerStreams] = [:]
    /// Those that a shutdown waits for.
    var delaying = 0
    var tick: UInt64 = 0
  }

  private let state = Mutex(State())
  private let executor: (any TaskExecutor)?
  private let limits: StreamLimits
  private let counters: HostCounters
  private let clock: HostClock
  private let log: Logger
  /// For what remotes do wrong.
  private let limitedLog: RateLimitedLog

  init(
    executor: (any TaskExecutor)?, limits: StreamLimits, counters: HostCounters, clock: HostClock, log: Logger
  ) {
    self.executor = executor
    self.limits = limits
    self.counters = counters
    self.clock = clock
    self.log = log
    self.limitedLog = RateLimitedLog(log)
  }

  // MARK: Table

  /// The ids that are served from now on.
  func register(_ handler: any ProtocolHandler) throws(ProtocolRegistrationError) -> [String] {
    let result: Result<[String], ProtocolRegistrationError> = self.state.withLock { state in
      state.lastRegistration += 1
      let registration = Registration(
        handler, number: state.lastRegistration, node: self.limits, transportExecutor: self.executor)
      return state.table.add(registration).map { .failure($0) } ?? .success(registration.ids)
    }
    return try result.get()
  }

  /// The ids that are served no more, all of the handler that served `id`. Streams under way go on.
  func withdraw(_ id: String) -> [String] { self.state.withLock { $0.table.withdraw(id) } }

  /// Sorted.
  var protocolIDs: [String] { self.state.withLock { $0.table.ids } }

  /// In the order of their registration; those that were withdrawn as long as streams of theirs are open.
  var protocols: [ProtocolInfo] {
    self.state.withLock { state in
      let registered = state.table.registrations.map { ProtocolInfo($0, isWithdrawn: false) }
      return registered + state.table.withdrawn.map { ProtocolInfo($0, isWithdrawn: true) }
    }.sorted { $0.number < $1.number }
  }

  // MARK: Streams

  var streams: Int { self.state.withLock { $0.streams.count } }
  /// Streams that a shutdown waits for.
  var delayingStreams: Int { self.state.withLock { $0.delaying } }

  /// Serves nothing any more. Handlers hold what they tell of, and with it the transport that holds this router.
  func forgetHandlers() { self.state.withLock { $0.table = ProtocolTable() } }

  /// From now on every new stream is reset.
  func drain() { self.state.withLock { $0.isDraining = true } }

  /// Once a second: gives up on remotes and handlers that take too long.
  func tick() {
    let now = self.clock.monotonic().nanoseconds
    let late = self.state.withLock { state in
      state.tick += 1
      for registration in state.table.registrations { registration.tidy(now: now) }
      var late: [(InboundStream, code: UInt64, Task<Void, Never>?)] = []
      for entry in state.streams {
        guard let code = entry.overdueCode(at: state.tick) else { continue }
        entry.registration?.countReset(code)
        late.append((entry, code, entry.task))
      }
      return late
    }
    if late.isEmpty { return }
    // On the transport's thread, where nothing comes between: a handler that finds itself cancelled first resets the
    // stream with a code of its own.
    Task(executorPreference: self.executor) {
      for (entry, code, task) in late {
        entry.stream.reset(code: code)
        task?.cancel()
      }
    }
    for (entry, code, _) in late {
      if code == StreamCode.garbageCollected {
        self.limitedLog.log(
          .notice, key: "late \(entry.peer)", "a stream took too long and was reset", [("peer", "\(entry.peer)")])
      }
    }
  }

  /// On the transport's thread.
  func route(_ inbound: any P2PCore.Stream, on connection: any Connection) {
    enum Admission {
      case admitted(InboundStream)
      case draining
      case refused(StreamRefusal)
    }
    let admission: Admission = self.state.withLock { state in
      if state.isDraining { return .draining }
      let peer = connection.remotePeer
      let known = state.ofPeer[peer]
      if let refusal = self.limits.refusal(streams: state.streams.count, ofPeer: known?.count ?? 0) {
        return .refused(refusal)
      }
      let peerStreams = known ?? PeerStreams(peer)
      if known == nil { state.ofPeer[peer] = peerStreams }
      peerStreams.count += 1
      let entry = InboundStream(
        ProtocolStream(inbound), on: connection, peerStreams, negotiatingUntil: state.tick + Self.waitTicksMax)
      entry.index = state.streams.count
      state.streams.append(entry)
      return .admitted(entry)
    }
    switch admission {
    case .draining:
      self.counters.streamRefused()
      inbound.reset(code: StreamCode.shutdown)
    case .refused(let refusal):
      self.counters.streamRefused()
      self.refuse(inbound.reset, connection.remotePeer, refusal)
    case .admitted(let entry):
      self.counters.streamOpened()
      self.begin(entry)
    }
  }

  /// The usual proposal came with the stream and is answered here; only what is left to do needs a task.
  private func begin(_ entry: InboundStream) {
    let proposal: ProtocolTable.Proposal?
    do throws(ProtocolStreamError) {
      proposal = try entry.stream.negotiateNow { bytes in
        self.state.withLock { $0.table.proposal(at: bytes) }.map { ($0.bytes, $0) }
      }
    } catch {
      return self.negotiationFailed(entry, error)
    }
    guard let proposal else {
      Task(executorPreference: self.executor) { await self.negotiate(entry) }
      return
    }
    self.start(proposal.registration, proposal.id, entry)
  }

  private func negotiate(_ entry: InboundStream) async {
    var found: Registration?
    var declined: (handler: any ProtocolHandler, id: String)?
    let name: String?
    do throws(ProtocolStreamError) {
      name = try await entry.stream.negotiate { id in
        self.state.withLock { state in
          found = state.table.find(id)
          if found == nil, declined == nil, let other = state.table.relative(of: id) { declined = (other.handler, id) }
        }
        return found != nil
      }
    } catch {
      self.negotiationFailed(entry, error)
      // What came behind a proposal that was not taken is no proposal, as a rule.
      await declined?.handler.declined(RemotePeer(connection: entry.connection, protocolID: declined?.id ?? ""))
      return
    }
    guard let name, let found else {
      self.counters.negotiationFailed()
      await declined?.handler.declined(RemotePeer(connection: entry.connection, protocolID: declined?.id ?? ""))
      // The remote took our refusal and left: a reset would overtake the refusal.
      do { try await entry.stream.conclude() } catch { entry.stream.reset(code: error.streamCode) }
      return self.ended(entry)
    }
    self.start(found, name, entry)
  }

  private func negotiationFailed(_ entry: InboundStream, _ error: ProtocolStreamError) {
    self.counters.negotiationFailed()
    self.ended(entry)
    entry.stream.reset(code: StreamCode.protocolNegotiationFailed)
    // Only `tick` resets a stream here.
    let late = ProtocolStreamError.notNegotiated("the remote named none within \(Self.waitTicksMax) s")
    self.tell(
      error == .stream(.resetLocally) ? late : error, "no protocol agreed on a stream", [("peer", "\(entry.peer)")])
  }

  /// Runs the handler on a stream whose remote has named it, unless a limit forbids it.
  private func start(_ registration: Registration, _ id: String, _ entry: InboundStream) {
    let now = registration.hasRate ? self.clock.monotonic().nanoseconds : 0
    let refusal: StreamRefusal? = self.state.withLock { state in
      do throws(StreamRefusal) {
        entry.agreed(on: registration, try registration.admit(entry.peer, now: now), at: state.tick)
      } catch {
        return error
      }
      if registration.delaysShutdown { state.delaying += 1 }
      return nil
    }
    if let refusal {
      self.ended(entry)
      self.counters.streamRefused()
      return self.refuse(entry.stream.reset, entry.peer, refusal)
    }
    let peer = RemotePeer(connection: entry.connection, protocolID: id)
    if let handler = registration.callbackHandler, entry.stream.isCurrent {
      return handler.serve(entry.stream, from: peer) { self.served(entry, id, $0) }
    }
    let task = Task(executorPreference: registration.executor) { await self.run(registration.handler, entry, peer) }
    if registration.limits.lifetime != nil { self.state.withLock { _ in entry.task = task } }
  }

  private func run(_ handler: any ProtocolHandler, _ entry: InboundStream, _ peer: RemotePeer) async {
    do {
      try await handler.handle(entry.stream, from: peer)
    } catch {
      return self.failed(entry, peer.protocolID, error)
    }
    if !self.concludeNow(entry) { await self.conclude(entry) }
  }

  private func served(_ entry: InboundStream, _ id: String, _ result: Result<Void, any Error>) {
    switch result {
    case .failure(let error): self.failed(entry, id, error)
    case .success:
      if !self.concludeNow(entry) { Task(executorPreference: self.executor) { await self.conclude(entry) } }
    }
  }

  // What a task's function does itself takes room in the task: what is long and need not be awaited is done elsewhere.

  /// Ends our side, and is done where the remote has ended its own.
  @inline(never)
  private func concludeNow(_ entry: InboundStream) -> Bool {
    do throws(ProtocolStreamError) {
      if try !entry.stream.concludeNow() { return false }
    } catch {
      // The remote may have left before our end reaches it, which is its right.
      entry.stream.reset(code: error.streamCode)
    }
    self.ended(entry)
    return true
  }

  @inline(never)
  private func conclude(_ entry: InboundStream) async {
    self.state.withLock { entry.concludes(until: $0.tick + Self.waitTicksMax) }
    do throws(ProtocolStreamError) {
      try await entry.stream.conclude()
    } catch {
      entry.stream.reset(code: error.streamCode)
    }
    self.ended(entry)
  }

  @inline(never)
  private func failed(_ entry: InboundStream, _ id: String, _ error: any Error) {
    let code = (error as? any StreamCodeError)?.streamCode ?? StreamCode.none
    // First, so that whoever sees the stream end finds it counted.
    self.counters.handlerFailed()
    entry.stream.reset(code: code)
    self.tell(error, "a stream failed", [("peer", "\(entry.peer)"), ("protocol", id)])
    // Whoever reset it first.
    if case .stream(.reset(let remote))? = error as? ProtocolStreamError {
      self.ended(entry, reset: remote)
    } else if case .stream(.connectionClosed)? = error as? ProtocolStreamError {
      self.ended(entry)
    } else {
      self.ended(entry, reset: code)
    }
  }

  private func refuse(_ reset: (UInt64) -> Void, _ peer: PeerID, _ refusal: StreamRefusal) {
    reset(refusal.reason.code)
    let what = refusal.reason.code == StreamCode.rateLimited ? "too many are opened a second" : "too many are open"
    self.limitedLog.log(
      .notice, key: "refused \(peer)", "a stream was refused: \(what); raise the limit",
      [("peer", "\(peer)"), ("limit", refusal.key), ("value", "\(refusal.limit)")])
  }

  /// What a remote did wrong is for the operator, once a minute and peer; that it left, or an end of ours, is not.
  private func tell(_ error: any Error, _ what: String, _ fields: [(String, String)]) {
    let fields = fields + [("error", "\(error)")]
    if (error as? ProtocolStreamError)?.isViolation == true {
      self.limitedLog.log(.notice, key: fields.dropLast().map(\.1).joined(separator: " "), what, fields)
    } else {
      self.log.debug(what, fields)
    }
  }

  /// - Parameter code: what it was reset with, unless it was reset as overdue before.
  private func ended(_ entry: InboundStream, reset code: UInt64? = nil) {
    self.state.withLock { state in
      let last = state.streams.removeLast()
      if last !== entry {
        last.index = entry.index
        state.streams[entry.index] = last
      }
      entry.peerStreams.count -= 1
      if entry.peerStreams.count == 0 { state.ofPeer[entry.peer] = nil }
      guard let registration = entry.registration else { return }
      if registration.delaysShutdown { state.delaying -= 1 }
      if let code, !entry.isOverdue { registration.countReset(code) }
      registration.ended(entry.registrationUse)
      state.table.streamEnded(of: registration)
    }
  }
}
