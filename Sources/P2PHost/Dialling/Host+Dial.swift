package import P2PCore

// Dialling: check, resolve, try.

extension Host {
  /// A dial under way.
  struct Dial: Sendable {
    let number: UInt64
    /// Nil for whoever answers.
    let peer: PeerID?
    /// By the monotonic clock.
    let deadline: Duration
    var attempts: [DialAttempt] = []
  }

  /// Connects to `peer` (or whoever answers, when nil) at one of `addresses`, or at those known of it when there
  /// are none; reuses a live connection to a named peer. Never throws: the answer lists every attempt. Cancelling
  /// the task cancels the dial.
  package func dial(peer: PeerID?, addresses: [Multiaddr], timeout: Duration?) async -> DialResult {
    let named = peer ?? Self.commonPeer(of: addresses)
    self.drainInbox()
    if let error = self.refusal(ofDialTo: named) {
      self.counters.dialFailed(error.class)
      return DialResult(connection: nil, reused: false, attempts: [], error: error)
    }
    if let named, let live = self.liveConnection(to: named), let record = self.connectionTable[live.id] {
      return DialResult(connection: await self.describe([record]).first, reused: true, attempts: [], error: nil)
    }
    if self.connectionTable.count + self.dialsUnderWay >= self.configuration.limits.connectionsMax {
      self.counters.dialFailed(.limitExceeded)
      let error = DialError(
        .limitExceeded,
        "\(self.connectionTable.count) connections and \(self.dialsUnderWay) dials are all that limits.connections allows",
        temporary: true)
      return DialResult(connection: nil, reused: false, attempts: [], error: error)
    }
    self.lastDialNumber += 1
    let dial = Dial(
      number: self.lastDialNumber, peer: named,
      deadline: self.clock.monotonic() + (timeout ?? self.configuration.connectionTimeout))
    return await self.run(dial, inputs: self.inputs(named, addresses))
  }

  /// The peer that all addresses name.
  private static func commonPeer(of addresses: [Multiaddr]) -> PeerID? {
    guard let first = addresses.first?.peerID, addresses.allSatisfy({ $0.peerID == first }) else { return nil }
    return first
  }

  private func refusal(ofDialTo peer: PeerID?) -> DialError? {
    if self.phase != .running {
      return DialError(.shuttingDown, "this node is shutting down or has not started", temporary: false)
    }
    if peer == self.localPeer {
      return DialError(.selfDial, "\(self.localPeer) is this node itself", temporary: false)
    }
    return nil
  }

  /// What to try: the addresses given, or else those known, the ones that last worked first.
  private func inputs(_ peer: PeerID?, _ addresses: [Multiaddr]) -> [DialResolver.Input] {
    if addresses.isEmpty, let peer, let record = self.peerTable[peer] {
      return record.addresses
        .sorted { ($0.lastSuccessAt ?? 0) > ($1.lastSuccessAt ?? 0) }
        .map { DialResolver.Input(address: $0.address, peer: peer) }
    }
    return addresses.map { DialResolver.Input(address: $0, peer: peer ?? $0.peerID) }
  }

  private func run(_ started: Dial, inputs: [DialResolver.Input]) async -> DialResult {
    var dial = started
    self.dialsUnderWay += 1
    if let peer = dial.peer {
      let now = self.clock.wall()
      let isNew = self.know(peer, now: now)
      let change = self.peerTable[peer]?.dialStarted(now: now)
      if isNew { self.publish("peer.added", peer: peer, fields: []) }
      self.publish(change ?? nil, of: peer, reason: "dial")
    }
    self.publish(
      "dial.started", peer: dial.peer,
      fields: [("dial", .int(Int64(dial.number))), ("addresses", EventValue(inputs.map { "\($0.address)" }))])

    let candidates = await self.candidates(for: inputs, &dial)
    let winner = await self.race(candidates, &dial)
    self.drainInbox()
    return await self.conclude(dial, winner)
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
        for candidate in found where !candidates.contains(candidate) { candidates.append(candidate) }
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

  private nonisolated func expand(
    _ inputs: [DialResolver.Input], before deadline: Duration
  ) async -> [DialResolver.Outcome] {
    let resolver = DialResolver(resolve: self.resolve, resolveText: self.resolveText)
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
        ("dial", .int(Int64(dial.number))), ("address", .string("\(attempt.address)")),
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

  private func conclude(_ dial: Dial, _ winner: (any Connection)?) async -> DialResult {
    self.dialsUnderWay -= 1
    var error: DialError?
    var info: ConnectionInfo?
    if let winner, let record = self.connectionTable[winner.id] {
      // What the transport says of a connection may take a while; the connection was there.
      info = await self.describe([record]).first
    } else {
      error = self.failure(dial, winner)
    }
    if let peer = dial.peer {
      let ending: DialEnding = error == nil ? .connected : error?.class == .cancelled ? .cancelled : .failed
      let change = self.peerTable[peer]?.dialEnded(ending, now: self.clock.wall())
      self.publish(change ?? nil, of: peer, reason: error?.class.rawValue)
    }
    self.publish(
      "dial.ended", peer: winner?.remotePeer ?? dial.peer, connection: info?.id,
      fields: [
        ("dial", .int(Int64(dial.number))), ("outcome", .string(error == nil ? "connected" : "failed")),
        ("error", EventValue(error)),
      ])
    return DialResult(connection: info, reused: false, attempts: dial.attempts, error: error)
  }

  /// Why a dial failed as a whole.
  private func failure(_ dial: Dial, _ winner: (any Connection)?) -> DialError {
    if let winner {
      if winner.remotePeer == self.localPeer {
        self.counters.dialFailed(.selfDial)
        return DialError(.selfDial, "the address leads to this node itself", temporary: false)
      }
      if self.phase != .running { return DialError(.shuttingDown, "this node is shutting down", temporary: false) }
      return DialError(.handshakeFailed, "the connection was closed as soon as it was open", temporary: true)
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
