package import P2PCore

// Dialling: check, resolve, try. One dial per peer, however many ask.

extension Host {
  /// A dial under way, as its own task knows it.
  struct Dial: Sendable {
    let id: String
    /// Nil for whoever answers.
    let peer: PeerID?
    /// By the monotonic clock.
    let deadline: Duration
    var attempts: [DialAttempt] = []
    /// The connection that was made, as it was then.
    var made: ConnectionRecord?
  }

  /// Connects to `peer` (or whoever answers, when nil) at one of `addresses`, or at those known of it when there
  /// are none; reuses a live connection to a named peer and joins a dial that is under way to it. Never throws: the
  /// answer lists every attempt. Cancelling the task ends the dial, unless someone else waits for it.
  package func dial(peer: PeerID?, addresses: [Multiaddr], timeout: Duration?) async -> DialResult {
    let named = peer ?? Self.commonPeer(of: addresses)
    var hasJoined = false
    while true {
      self.drainInbox()
      if let named, let live = self.liveConnection(to: named), let record = self.connectionTable[live.id],
        self.phase == .running
      {
        return DialResult(connection: await self.describe([record]).first, reused: true, attempts: [], error: nil)
      }
      if let named, let running = self.dialOfPeer[named] {
        let result = await self.wait(for: running, timeout: timeout)
        let tried = Set(result.attempts.map(\.address.withoutPeerID))
        // It may have been about other addresses than these.
        let isAnswer = hasJoined || Task.isCancelled || addresses.allSatisfy { tried.contains($0.withoutPeerID) }
        if result.error == nil || isAnswer { return result }
        hasJoined = true
        continue
      }
      switch self.beginDial(named, addresses: addresses, timeout: timeout, isOfKeeper: false) {
      case .refused(let error): return DialResult(connection: nil, reused: false, attempts: [], error: error)
      case .began(let id): return await self.wait(for: id, timeout: nil)
      }
    }
  }

  /// As `dial`, without waiting for the end: see `dialInfo`. A dial that is refused at once has ended.
  package func startDial(peer: PeerID?, addresses: [Multiaddr], timeout: Duration?) async -> DialInfo {
    let named = peer ?? Self.commonPeer(of: addresses)
    self.drainInbox()
    let now = self.clock.wall()
    if let named, let running = self.dialOfPeer[named] {
      self.dialJobs[running]?.isDetached = true
      if let info = self.dialJobs[running]?.info { return info }
    }
    if let named, let live = self.liveConnection(to: named) {
      return self.noteEnded(
        DialInfo(
          id: self.nextDialID(), peerID: named, addresses: addresses, state: .connected, startedAt: now, endedAt: now,
          connectionID: live.id))
    }
    switch self.beginDial(named, addresses: addresses, timeout: timeout, isOfKeeper: false) {
    case .began(let id):
      self.dialJobs[id]?.isDetached = true
      return self.dialJobs[id]?.info
        ?? DialInfo(id: id, peerID: named, addresses: addresses, state: .running, startedAt: now)
    case .refused(let error):
      return self.noteEnded(
        DialInfo(
          id: self.nextDialID(), peerID: named, addresses: addresses, state: .failed, startedAt: now, endedAt: now,
          error: error))
    }
  }

  // MARK: Dials under way

  /// Under way first, then those that ended, each newest first.
  package func dials() async -> [DialInfo] {
    self.dialJobs.values.map(\.info).sorted { ($0.startedAt, $0.id) > ($1.startedAt, $1.id) }
      + self.endedDials.newestFirst().map { $0.element }
  }

  package func dialInfo(_ id: String) async -> DialInfo? {
    self.dialJobs[id]?.info ?? self.endedDials.newestFirst().first { $0.element.id == id }?.element
  }

  /// Nil when there is no such dial; false when it has ended already.
  package func cancelDial(_ id: String) async -> Bool? {
    if self.dialJobs[id] != nil {
      self.cancelJob(id)
      return true
    }
    return await self.dialInfo(id) == nil ? nil : false
  }

  func cancelJob(_ id: String) { self.dialJobs[id]?.cancel() }

  private func nextDialID() -> String {
    self.lastDialNumber += 1
    return "d-\(self.lastDialNumber)"
  }

  private func noteEnded(_ info: DialInfo) -> DialInfo {
    self.endedDials.append(info)
    return info
  }

  /// Waits for a dial to end. `timeout` bounds the wait of one that joined, not the dial.
  private func wait(for id: String, timeout: Duration?) async -> DialResult {
    guard let timeout else { return await self.wait(for: id) ?? Self.givenUp }
    do {
      return try await self.clock.limit(timeout) { await self.wait(for: id) ?? Self.givenUp }
    } catch is DeadlinePassed {
      let error = DialError(.timeout, "the dial under way did not end within \(timeout)", temporary: true)
      return DialResult(
        connection: nil, reused: false, attempts: self.dialJobs[id]?.info.attempts ?? [], error: error)
    } catch {
      return Self.givenUp
    }
  }

  private static let givenUp = DialResult(
    connection: nil, reused: false, attempts: [],
    error: DialError(.cancelled, "the dial was cancelled", temporary: true))

  /// Nil when the waiting task was cancelled.
  private func wait(for id: String) async -> DialResult? {
    self.lastTicket += 1
    let ticket = self.lastTicket
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if self.dialJobs[id] == nil {
          continuation.resume(returning: nil)
        } else {
          self.dialJobs[id]?.waiters[ticket] = continuation
        }
      }
    } onCancel: {
      Task { await self.leave(id, ticket) }
    }
  }

  /// A waiter gave up. A dial that nobody else waits for ends, and its last waiter hears how.
  private func leave(_ id: String, _ ticket: UInt64) {
    guard let job = self.dialJobs[id], let waiter = job.waiters[ticket] else { return }
    if job.waiters.count == 1, !job.isDetached { return job.cancel() }
    self.dialJobs[id]?.waiters[ticket] = nil
    waiter.resume(returning: nil)
  }

  // MARK: One dial

  /// The peer that all addresses name.
  private static func commonPeer(of addresses: [Multiaddr]) -> PeerID? {
    guard let first = addresses.first?.peerID, addresses.allSatisfy({ $0.peerID == first }) else { return nil }
    return first
  }

  /// Why a dial to `peer` does not even begin.
  func refusal(ofDialTo peer: PeerID?, isOfKeeper: Bool) -> DialError? {
    if self.phase != .running {
      return DialError(.shuttingDown, "this node is shutting down or has not started", temporary: false)
    }
    if let peer {
      if peer == self.localPeer {
        return DialError(.selfDial, "\(self.localPeer) is this node itself", temporary: false)
      }
      if let refusal = self.gate.refusal(of: peer, at: nil, now: self.clock.wall()) {
        return DialError(.blocked, refusal.words, temporary: false)
      }
    }
    guard let refusal = self.limit(ofDialTo: peer) else { return nil }
    self.tell(refusal, peer: peer)
    return DialError(.limitExceeded, refusal.words, temporary: true)
  }

  /// The limit that a further dial would pass. Dials under way count as the connections that they may become.
  private func limit(ofDialTo peer: PeerID?) -> LimitRefusal? {
    let limits = self.configuration.limits.connections
    let counts = self.connectionCounts
    let pending = self.dialJobs.count
    if limits.outbound > 0, counts.outbound + pending >= limits.outbound {
      return LimitRefusal(
        key: "limits.connections_outbound", used: counts.outbound + pending, limit: limits.outbound,
        what: "outbound connections and dials")
    }
    if limits.total > 0, counts.total + pending >= limits.total {
      return LimitRefusal(
        key: "limits.connections", used: counts.total + pending, limit: limits.total, what: "connections and dials")
    }
    return counts.refusal(.outbound, peer: peer ?? self.localPeer, ip: [], isPinned: true, under: limits)
  }

  enum OnBegin: Sendable {
    case began(String)
    case refused(DialError)
  }

  /// Starts a dial in a task of its own. Nothing is connected to `peer` and no dial to it is under way.
  func beginDial(_ peer: PeerID?, addresses: [Multiaddr], timeout: Duration?, isOfKeeper: Bool) -> OnBegin {
    if !isOfKeeper, let error = self.refusal(ofDialTo: peer, isOfKeeper: false) {
      self.counters.dialFailed(error.class)
      return .refused(error)
    }
    let inputs = self.inputs(peer, addresses)
    let id = self.nextDialID()
    let deadline = self.clock.monotonic() + (timeout ?? self.configuration.connectionTimeout)
    self.dialJobs[id] = DialJob(
      info: DialInfo(
        id: id, peerID: peer, addresses: inputs.map(\.address), state: .running, startedAt: self.clock.wall()),
      isOfKeeper: isOfKeeper, deadline: deadline, isDetached: isOfKeeper)
    if let peer {
      self.dialOfPeer[peer] = id
      self.keep(peer, after: .zero)
      let now = self.clock.wall()
      let isNew = self.know(peer, now: now)
      let change = self.peerTable[peer]?.dialStarted(now: now)
      if isNew { self.publish("peer.added", peer: peer, fields: []) }
      self.publish(change ?? nil, of: peer, reason: "dial")
    }
    self.publish(
      "dial.started", peer: peer,
      fields: [("dial", .string(id)), ("addresses", EventValue(inputs.map { "\($0.address)" }))])
    let dial = Dial(id: id, peer: peer, deadline: deadline)
    self.dialJobs[id]?.task = Task { await self.run(dial, inputs: inputs) }
    return .began(id)
  }

  /// What to try: the addresses given, or else those known.
  private func inputs(_ peer: PeerID?, _ addresses: [Multiaddr]) -> [DialResolver.Input] {
    if addresses.isEmpty, let peer, let record = self.peerTable[peer] {
      return record.addresses.map { DialResolver.Input(address: $0.address, peer: peer) }
    }
    return addresses.map { DialResolver.Input(address: $0, peer: peer ?? $0.peerID) }
  }

  private func run(_ started: Dial, inputs: [DialResolver.Input]) async {
    var dial = started
    let candidates = await self.candidates(for: inputs, &dial)
    let winner = await self.race(self.rank(candidates, for: dial.peer), &dial)
    self.drainInbox()
    await self.conclude(dial, winner)
  }

  /// In the order and with the delays in which they are tried: what worked last first, what failed last.
  private func rank(_ candidates: [DialCandidate], for peer: PeerID?) -> [(candidate: DialCandidate, delay: Duration)] {
    let known = peer.flatMap { self.peerTable[$0]?.addresses } ?? []
    var byAddress: [Multiaddr: DialCandidate] = [:]
    for candidate in candidates { byAddress[candidate.address] = candidate }
    let worked = Set(known.filter { $0.lastSuccessAt != nil && $0.lastError == nil }.map(\.address))
    return DialRanking.rank(candidates.map(\.address), lastWorked: { worked.contains($0) }).compactMap { ranked in
      byAddress[ranked.address].map { ($0, ranked.delay) }
    }
  }

  /// Resolves `inputs`; what is no address of ours or does not resolve is an attempt that failed.
  private func candidates(for inputs: [DialResolver.Input], _ dial: inout Dial) async -> [DialCandidate] {
    let limits = self.configuration.limits
    let began = self.clock.wall()
    let taken = Array(inputs.prefix(limits.dialAddressesMax))
    let outcomes = await self.expand(taken, before: dial.deadline)
    var candidates: [DialCandidate] = []
    for (input, outcome) in zip(taken, outcomes) {
      switch outcome {
      case .candidates(let found):
        for candidate in found where !candidates.contains(candidate) {
          if let error = self.refusal(of: candidate) {
            self.note(
              DialAttempt(
                address: candidate.address, resolvedFrom: candidate.resolvedFrom, startedAt: began,
                endedAt: self.clock.wall(), outcome: .failed, error: error), &dial)
          } else {
            candidates.append(candidate)
          }
        }
      case .failed(let error):
        self.note(
          DialAttempt(
            address: input.address, resolvedFrom: nil, startedAt: began, endedAt: self.clock.wall(),
            outcome: error.class == .cancelled ? .cancelled : .failed, error: error), &dial)
      }
    }
    let surplus =
      inputs.dropFirst(taken.count).map(\.address) + candidates.dropFirst(limits.dialAddressesMax).map(\.address)
    for address in surplus {
      self.skip(
        address, nil,
        DialError(.limitExceeded, "a dial tries at most \(limits.dialAddressesMax) addresses", temporary: false), &dial)
    }
    return Array(candidates.prefix(limits.dialAddressesMax))
  }

  /// Why an address is not even tried.
  private func refusal(of candidate: DialCandidate) -> DialError? {
    guard let endpoint = candidate.address.endpoint else { return nil }
    if let error = self.configuration.dialFilter.refusal(of: endpoint) { return error }
    guard let entry = self.gate.blockingEntry(of: endpoint.address, now: self.clock.wall()) else { return nil }
    return DialError(.blocked, "\(endpoint.addressText): \(entry) is on the blocklist", temporary: false)
  }

  private nonisolated func expand(
    _ inputs: [DialResolver.Input], before deadline: Duration
  ) async -> [DialResolver.Outcome] {
    let resolver = DialResolver(resolve: self.services.resolve, resolveText: self.services.resolveText)
    guard inputs.contains(where: \.needsLookup) else { return await resolver.expand(inputs) }
    do {
      return try await self.clock.limit(deadline - self.clock.monotonic()) { await resolver.expand(inputs) }
    } catch {
      let failure =
        error is DeadlinePassed
        ? DialError(.timeout, "looking up the name took too long", temporary: true)
        : DialError(.cancelled, "cancelled", temporary: true)
      return inputs.map { _ in .failed(failure) }
    }
  }

  /// Notes and publishes an attempt that has ended, at `reached` where somebody answered.
  func note(_ attempt: DialAttempt, _ dial: inout Dial, reached: PeerID? = nil) {
    dial.attempts.append(attempt)
    self.dialJobs[dial.id]?.info.attempts = dial.attempts
    if let error = attempt.error, attempt.outcome == .failed { self.counters.dialFailed(error.class) }
    if let peer = dial.peer ?? reached, attempt.outcome == .failed || attempt.outcome == .connected {
      let maximum = self.configuration.limits.addressesPerPeerMax
      for address in [attempt.resolvedFrom, attempt.address].compactMap({ $0 }) where Self.isDialable(address) {
        self.peerTable[peer]?.add(address, source: "dial", maximum: maximum)
        self.peerTable[peer]?.tried(address, at: attempt.startedAt, error: attempt.error)
      }
    }
    self.publish(
      "dial.attempt", peer: dial.peer,
      fields: [
        ("dial", .string(dial.id)), ("address", .string("\(attempt.address)")),
        ("resolved_from", EventValue(attempt.resolvedFrom?.description)),
        ("outcome", .string(attempt.outcome.rawValue)), ("duration_ms", .int(attempt.endedAt - attempt.startedAt)),
        ("error", EventValue(attempt.error)),
      ])
  }

  func skip(_ address: Multiaddr, _ resolvedFrom: Multiaddr?, _ error: DialError?, _ dial: inout Dial) {
    let now = self.clock.wall()
    self.note(
      DialAttempt(
        address: address, resolvedFrom: resolvedFrom, startedAt: now, endedAt: now, outcome: .skipped, error: error),
      &dial)
  }

  private func conclude(_ dial: Dial, _ winner: (any Connection)?) async {
    guard let job = self.dialJobs[dial.id] else { return }
    var error: DialError?
    // It may have been closed since.
    var record = dial.made
    // The peer may have been faster: its connection serves as well.
    var reused = false
    if record == nil, let peer = dial.peer, self.phase == .running, let live = self.liveConnection(to: peer) {
      record = self.connectionTable[live.id]
      reused = true
    }
    if record == nil { error = self.failure(dial, winner) }
    self.dialJobs[dial.id] = nil
    var ended = job.info
    ended.endedAt = self.clock.wall()
    ended.state = error == nil ? .connected : error?.class == .cancelled ? .cancelled : .failed
    ended.connectionID = record?.connection.id
    ended.error = error
    self.endedDials.append(ended)
    self.counters.dialEnded(ended.state)
    if let peer = dial.peer {
      self.dialOfPeer[peer] = nil
      let isGone = record.map { self.connectionTable[$0.connection.id] == nil } ?? false
      let ending: DialEnding =
        error == nil ? (isGone ? .cancelled : .connected) : error?.class == .cancelled ? .cancelled : .failed
      let change = self.peerTable[peer]?.dialEnded(ending, now: self.clock.wall())
      if let error { self.retryAfterFailure(of: peer, error) }
      self.publish(change ?? nil, of: peer, reason: error?.class.rawValue)
    }
    self.publish(
      "dial.ended", peer: record?.connection.remotePeer ?? dial.peer, connection: record?.connection.id,
      fields: [
        ("dial", .string(dial.id)), ("outcome", .string(error == nil ? "connected" : "failed")),
        ("error", EventValue(error)),
      ])
    if let peer = dial.peer { self.removeIfForgotten(peer) }
    let waiters = job.waiters.values
    if waiters.isEmpty { return }
    // What the transport says of a connection may take a while; the connection was there.
    var info: ConnectionInfo?
    if let record { info = await self.describe([record]).first }
    let result = DialResult(connection: info, reused: reused, attempts: dial.attempts, error: error)
    for waiter in waiters { waiter.resume(returning: result) }
  }

  /// Why a dial failed as a whole.
  private func failure(_ dial: Dial, _ winner: (any Connection)?) -> DialError {
    if let winner {
      if winner.remotePeer == self.localPeer {
        self.counters.dialFailed(.selfDial)
        return DialError(.selfDial, "the address leads to this node itself", temporary: false)
      }
      if self.phase != .running { return DialError(.shuttingDown, "this node is shutting down", temporary: false) }
      return self.closedAtOnce(winner)
    }
    if Task.isCancelled { return DialError(.cancelled, "the dial was cancelled", temporary: true) }
    let errors = dial.attempts.compactMap { $0.outcome == .skipped ? nil : $0.error }
    guard let last = errors.last else {
      if !dial.attempts.isEmpty {
        return DialError(.timeout, "the time was over before the first attempt", temporary: true)
      }
      return DialError(.invalidAddress, "there is no address to dial; give at least one", temporary: false)
    }
    if errors.count == 1 { return last }
    // A peer that answered with a wrong id says more than one that did not answer.
    let telling = errors.first { $0.class == .peerIDMismatch } ?? last
    return DialError(
      telling.class, "none of \(errors.count) addresses worked; \(telling.detail)",
      temporary: errors.contains { $0.temporary })
  }

  /// The peer let us in and then said why not.
  private func closedAtOnce(_ winner: any Connection) -> DialError {
    let closed = self.closedConnectionRing.newestFirst().first { $0.element.connection.id == winner.id }?.element
    guard let reason = closed?.reason, reason.initiator == .remote else {
      return DialError(.handshakeFailed, "the connection was closed as soon as it was open", temporary: true)
    }
    let words = reason.detail.map { ": \($0)" } ?? ""
    let code = reason.code.map { " with code 0x\(String($0, radix: 16))" } ?? ""
    return DialError(
      .refused, "the peer closed the connection as soon as it was open,\(code)\(words)", temporary: !reason.isGated)
  }
}

extension EventValue {
  init(_ error: DialError?) {
    guard let error else {
      self = .null
      return
    }
    self = .object([
      ("class", .string(error.class.rawValue)), ("detail", .string(error.detail)),
      ("temporary", .bool(error.temporary)),
    ])
  }
}
