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
      guard self.connectionTable[id]?.lifecycle.state == .connected else { continue }
      self.probes.set(id, at: now + interval)
      self.probe(id, every: interval)
    }
  }

  /// Pings the other connections of a peer that makes a new one: where its process was restarted the old ones are
  /// dead, and it answers the ping with a stateless reset (RFC 9000 §10.3).
  func probeOthers(of peer: PeerID, than id: String) {
    let interval = self.configuration.probe.interval ?? ProbePolicy.intervalDefault
    for other in self.peerTable[peer]?.connections ?? [] where other != id { self.probe(other, every: interval) }
  }

  private func probe(_ id: String, every interval: Duration) {
    guard let record = self.connectionTable[id], record.lifecycle.state == .connected, !record.isProbing else { return }
    self.connectionTable[id]?.isProbing = true
    let connection = record.connection
    // So that the answer is in, or not, before the next ping is due.
    let timeout = interval * 2 / 3
    Task(executorPreference: self.transport.streamExecutor) {
      await self.probed(connection, isAlive: await self.answers(connection, within: timeout))
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

  private func probed(_ connection: any Connection, isAlive: Bool) {
    let id = connection.id
    guard self.connectionTable[id] != nil else { return }
    self.connectionTable[id]?.isProbing = false
    if isAlive {
      self.connectionTable[id]?.misses = 0
      return
    }
    self.connectionTable[id]?.misses += 1
    let misses = self.connectionTable[id]?.misses ?? 0
    guard misses >= self.configuration.probe.missesMax else { return }
    self.counters.connectionUnhealthy()
    self.publish(
      "connection.unhealthy", peer: connection.remotePeer, connection: id,
      fields: [("misses", .int(Int64(misses))), ("reason", .string("no answer to \(misses) pings"))])
    self.beginClosing(id, Closing(reason: "no answer to \(misses) pings"))
  }
}
