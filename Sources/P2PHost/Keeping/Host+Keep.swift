package import P2PCore

// Keeps pinned peers connected: when one is not, a dial is under way or planned.

extension Host {
  /// Dials of the keeper that run at a time; further ones wait for the next tick.
  static let keeperDialsMax = 64
  /// At a start and after a change of the network the dials are spread over this.
  static let spread: Duration = .seconds(1)
  /// How often the pinned peers are counted.
  private static let quorumInterval: Duration = .seconds(1)
  /// Below this many the dials begin at once.
  static let spreadFrom = 16

  /// Every `tickInterval`: does what is due.
  func tick() {
    guard self.phase == .running else { return }
    let now = self.clock.monotonic()
    self.dialDue(now)
    self.probeDue(now)
    for id in self.drains.popDue(now: now, atMost: .max) { self.cutOff(id) }
    self.expireBlocks()
    self.trim()
    if now >= self.quorumDue {
      self.quorumDue = now + Self.quorumInterval
      self.updateQuorum(now)
    }
  }

  // MARK: Retries

  /// Plans the next dial of `peer`, where it is to be kept and nothing connects it now; otherwise forgets the plan.
  func keep(_ peer: PeerID, after delay: Duration) {
    guard let record = self.peerTable[peer] else { return self.retries.remove(peer) }
    let isNeeded =
      record.isKept && self.phase == .running && self.dialOfPeer[peer] == nil && self.liveConnection(to: peer) == nil
      && self.gate.blockingEntry(of: peer, now: self.clock.wall()) == nil
    if isNeeded {
      self.retries.set(peer, at: self.clock.monotonic() + delay)
      self.peerTable[peer]?.nextAttemptAt = self.clock.wall() + Int64(delay / .milliseconds(1))
      self.peerTable[peer]?.wait = delay
    } else {
      self.retries.remove(peer)
      self.peerTable[peer]?.nextAttemptAt = nil
      self.peerTable[peer]?.wait = nil
    }
  }

  /// Plans dials of all pinned peers that are not connected, as if nothing had failed yet.
  func keepAll() {
    let kept = self.peerTable.book.filter { self.peerTable[$0]?.isKept == true }
    for peer in kept {
      self.peerTable[peer]?.backoff.reset()
      let delay =
        kept.count < Self.spreadFrom
        ? .zero : Self.spread * Double.random(in: 0..<1, using: &self.random)
      self.keep(peer, after: delay)
    }
  }

  /// The machine's addresses or routes changed: what failed before may work now.
  package func networkChanged() {
    guard self.phase == .running else { return }
    self.keepAll()
    self.schedulePush()
  }

  /// Forgets what failed and retries now; false when the peer is unknown.
  package func clearBackoff(_ peer: PeerID) async -> Bool {
    guard let record = self.peerTable[peer], !record.isForgotten else { return false }
    self.peerTable[peer]?.backoff.reset()
    self.keep(peer, after: .zero)
    self.dialDue(self.clock.monotonic())
    return true
  }

  private func dialDue(_ now: Duration) {
    let room = Self.keeperDialsMax - self.dialJobs.values.count { $0.isOfKeeper }
    guard room > 0 else { return }
    for peer in self.retries.popDue(now: now, atMost: room) {
      guard self.peerTable[peer]?.isKept == true, self.dialOfPeer[peer] == nil, self.liveConnection(to: peer) == nil
      else { continue }
      self.peerTable[peer]?.nextAttemptAt = nil
      self.peerTable[peer]?.wait = nil
      if let refusal = self.refusal(ofDialTo: peer, isOfKeeper: true) {
        self.retryAfterFailure(of: peer, refusal)
        continue
      }
      _ = self.beginDial(peer, addresses: [], timeout: nil, isOfKeeper: true)
    }
  }

  /// A dial of `peer` failed.
  func retryAfterFailure(of peer: PeerID, _ error: DialError, notBefore owed: Duration = .zero) {
    guard let record = self.peerTable[peer], record.isKept else { return }
    let delay = self.peerTable[peer]?.backoff.failed(
      permanent: !error.temporary, self.configuration.backoff, using: &self.random)
    self.keep(peer, after: max(delay ?? .zero, owed))
  }

  /// A dial of `peer` is concluded, with an error or a connection, which may be gone again.
  func retryAfterDial(of peer: PeerID, _ error: DialError?) {
    let owed = self.peerTable[peer]?.owedWait
    self.peerTable[peer]?.owedWait = nil
    if let error {
      self.retryAfterFailure(of: peer, error, notBefore: owed ?? .zero)
    } else if let owed {
      self.keep(peer, after: owed)
    }
  }

  /// A connection of `peer` is gone.
  func retryAfterLoss(of peer: PeerID, connectedFor lifetime: Duration, _ reason: CloseReason) {
    guard let record = self.peerTable[peer], record.isKept, self.liveConnection(to: peer) == nil else { return }
    let delay =
      reason.isRefusal
      ? self.peerTable[peer]?.backoff.failed(permanent: true, self.configuration.backoff, using: &self.random)
      : self.peerTable[peer]?.backoff.lost(
        connectedFor: lifetime, self.configuration.backoff, using: &self.random)
    if self.dialOfPeer[peer] != nil { self.peerTable[peer]?.owedWait = delay }
    self.keep(peer, after: delay ?? .zero)
  }

  // MARK: Readiness

  func updateQuorum(_ now: Duration) {
    let pinned = self.pinnedCounts()
    self.quorum.required = self.configuration.connectedPeersMin ?? QuorumGate.required(ofPinned: pinned.total)
    let count = self.configuration.countsAgreements ? pinned.agreed : pinned.connected
    _ = self.quorum.update(connected: count, now: now)
  }

  /// Peers that are to be kept connected, how many of them are, and with how many something is agreed.
  func pinnedCounts() -> PinnedCounts {
    var counts = PinnedCounts()
    for peer in self.peerTable.book {
      guard let record = self.peerTable[peer], record.isKept else { continue }
      counts.total += 1
      guard record.lifecycle.state == .connected else { continue }
      counts.connected += 1
      guard let agreement = record.agreement else { continue }
      counts.agreed += 1
      if let offset = agreement.clockOffset, abs(offset) > Self.clockOffsetMax { counts.skewed += 1 }
    }
    return counts
  }

  // MARK: Trimming

  private func trim() {
    guard let water = self.configuration.limits.water, self.connectionTable.count > water.upperBound,
      !self.isTrimming
    else { return }
    self.isTrimming = true
    Task {
      await self.trim(to: water)
      self.isTrimming = false
    }
  }

  private func trim(to water: ClosedRange<Int>) async {
    let asked = self.connectionTable.values.filter { $0.lifecycle.state == .connected }
    let figures = await self.figures(of: asked.map(\.connection))
    // Some may have gone meanwhile, which is as good as trimming them.
    let known = zip(asked, figures).filter { self.connectionTable[$0.0.connection.id]?.lifecycle.state == .connected }
    let (now, wall) = (self.clock.monotonic(), self.clock.wall())
    let candidates = known.map { record, figures in
      let peer = self.peerTable[record.connection.remotePeer]
      let lastActivity = figures?.lastActivityAt ?? record.connection.openedAt
      return TrimCandidate(
        id: record.connection.id, isPinned: peer?.pinned == true,
        streams: (figures?.streamsInbound ?? 0) + (figures?.streamsOutbound ?? 0),
        openedFor: now - record.openedSince, idleFor: .milliseconds(max(0, wall - lastActivity)),
        rank: peer?.book == nil ? 0 : 1)
    }
    for id in TrimPolicy(lowWater: water.lowerBound, highWater: water.upperBound).choose(from: candidates) {
      self.beginClosing(
        id,
        Closing(
          code: ConnectionCode.garbageCollected, reason: "more connections than limits.high_water",
          grace: self.configuration.limits.closeGrace))
    }
  }
}
