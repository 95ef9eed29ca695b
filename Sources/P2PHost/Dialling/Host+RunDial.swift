internal import P2PCore

// One dial from its addresses to its end: resolve, rank, try, conclude.

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

  /// The dial itself.
  func run(_ started: Dial, inputs: [DialResolver.Input]) async {
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
    if let error = attempt.error, attempt.outcome == .failed {
      self.counters.dialFailed(error.class, at: attempt.address)
    }
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
    self.counters.dialEnded(
      ended.state, addresses: dial.attempts.count { $0.outcome != .skipped },
      after: .milliseconds(max(0, (ended.endedAt ?? 0) - ended.startedAt)))
    if let peer = dial.peer {
      self.dialOfPeer[peer] = nil
      let isGone = record.map { self.connectionTable[$0.connection.id] == nil } ?? false
      let ending: DialEnding =
        error == nil ? (isGone ? .cancelled : .connected) : error?.class == .cancelled ? .cancelled : .failed
      let change = self.peerTable[peer]?.dialEnded(ending, now: self.clock.wall())
      self.retryAfterDial(of: peer, error)
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
    if let reason = closed?.reason, reason.initiator == .local {
      let words = reason.detail ?? reason.reason
      return reason.isRefusal
        ? DialError(.protocolMismatch, words, temporary: false)
        : DialError(.cancelled, "the connection was closed here as soon as it was open: \(words)", temporary: true)
    }
    guard let reason = closed?.reason, reason.initiator == .remote else {
      return DialError(.handshakeFailed, "the connection was closed as soon as it was open", temporary: true)
    }
    return DialError(closedBy: reason.code ?? ConnectionCode.none, saying: reason.detail)
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
