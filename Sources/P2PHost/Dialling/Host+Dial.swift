package import P2PCore

// Dialling: one dial per peer, however many ask. How it goes: Host+BeginDial, Host+RunDial, Host+Race.

extension Host {
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

  func nextDialID() -> String {
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

  /// The peer that all addresses name.
  private static func commonPeer(of addresses: [Multiaddr]) -> PeerID? {
    guard let first = addresses.first?.peerID, addresses.allSatisfy({ $0.peerID == first }) else { return nil }
    return first
  }
}
