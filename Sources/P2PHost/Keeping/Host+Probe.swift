internal import P2PCore

// Pings connections: a process that hangs keeps its QUIC connection alive for a while, and a peer must not be
// listed as connected that does not answer.

extension Host {
  func scheduleProbe(of id: String) {
    guard let interval = self.configuration.probe.interval else { return }
    // Spread, so that connections of one moment are not pinged in one moment for ever.
    let delay = interval * Double.random(in: 0.5...1, using: &self.random)
    self.probes.set(id, at: self.clock.monotonic() + delay)
  }

  func probeDue(_ now: Duration) {
    guard let interval = self.configuration.probe.interval else { return }
    for id in self.probes.popDue(now: now, atMost: .max) {
      guard let record = self.connectionTable[id], record.lifecycle.state == .connected else { continue }
      self.probes.set(id, at: now + interval)
      if record.isProbing { continue }
      self.connectionTable[id]?.isProbing = true
      // So that the answer is in, or not, before the next ping is due.
      self.probe(record.connection, within: interval * 2 / 3) { host, isAlive in
        host.connectionTable[id]?.isProbing = false
        host.noteProbe(id, isAlive: isAlive)
      }
    }
  }

  /// How long an older connection of a peer that made a new one has to answer.
  private static let oldAnswerTime: Duration = .seconds(2)

  /// Pings the other connections of a peer that has a new one: why would it make one? Its process was restarted, or
  /// its address went. A dead one answers the ping with a stateless reset (RFC 9000 §10.3) where the remote can
  /// send one, otherwise not at all, and is closed. As many as `limits.connections_per_peer` and a few allow.
  func probeOlder(than connection: any Connection) {
    for id in self.peerTable[connection.remotePeer]?.connections ?? [] where id != connection.id {
      guard let record = self.connectionTable[id], record.lifecycle.state == .connected else { continue }
      self.probe(record.connection, within: Self.oldAnswerTime) { host, isAlive in
        if !isAlive { host.giveUp(id, misses: 1) }
      }
    }
  }

  private func probe(
    _ connection: any Connection, within timeout: Duration,
    then conclude: @escaping @Sendable (isolated Host, _ isAlive: Bool) -> Void
  ) {
    Task(executorPreference: self.transport.streamExecutor) {
      await conclude(self, await self.answers(connection, within: timeout))
    }
  }

  /// False only when nothing came back in time: whoever refuses the ping is there.
  private nonisolated func answers(_ connection: any Connection, within timeout: Duration) async -> Bool {
    do {
      _ = try await self.clock.limit(timeout) { [clock] in
        try await PingProtocol.measure(on: connection, clock: clock)
      }
      return true
    } catch {
      return !(error is DeadlinePassed)
    }
  }

  private func noteProbe(_ id: String, isAlive: Bool) {
    guard let record = self.connectionTable[id] else { return }
    let misses = isAlive ? 0 : record.misses + 1
    self.connectionTable[id]?.misses = misses
    if misses >= self.configuration.probe.missesMax { self.giveUp(id, misses: misses) }
  }

  private func giveUp(_ id: String, misses: Int) {
    guard let record = self.connectionTable[id], record.lifecycle.state == .connected else { return }
    let words = misses == 1 ? "no answer to a ping" : "no answer to \(misses) pings"
    self.counters.connectionUnhealthy()
    self.publish(
      "connection.unhealthy", peer: record.connection.remotePeer, connection: id,
      fields: [("misses", .int(Int64(misses))), ("reason", .string(words))])
    self.beginClosing(id, Closing(reason: words))
  }
}
