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
      // So that the answer is in, or not, before the next ping is due.
      self.probe(id, within: interval * 2 / 3, missesMax: self.configuration.probe.missesMax)
    }
  }

  /// How long an older connection of a peer that made a new one has to answer.
  private static let oldAnswerTime: Duration = .seconds(2)

  /// Pings the other connections of a peer that makes a new one in the same direction. Nobody does so who has one:
  /// its process was restarted, and the old one is dead. It answers the ping with a stateless reset (RFC 9000
  /// §10.3) where it can, otherwise not at all.
  func probeOlder(than connection: any Connection) {
    for other in self.peerTable[connection.remotePeer]?.connections ?? [] where other != connection.id {
      guard self.connectionTable[other]?.connection.direction == connection.direction else { continue }
      self.probe(other, within: Self.oldAnswerTime, missesMax: 1)
    }
  }

  private func probe(_ id: String, within timeout: Duration, missesMax: Int) {
    guard let record = self.connectionTable[id], record.lifecycle.state == .connected, !record.isProbing else { return }
    self.connectionTable[id]?.isProbing = true
    let connection = record.connection
    Task(executorPreference: self.transport.streamExecutor) {
      await self.probed(
        connection, isAlive: await self.answers(connection, within: timeout), missesMax: missesMax)
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

  private func probed(_ connection: any Connection, isAlive: Bool, missesMax: Int) {
    let id = connection.id
    guard self.connectionTable[id] != nil else { return }
    self.connectionTable[id]?.isProbing = false
    if isAlive {
      self.connectionTable[id]?.misses = 0
      return
    }
    self.connectionTable[id]?.misses += 1
    let misses = self.connectionTable[id]?.misses ?? 0
    guard misses >= missesMax else { return }
    let words = misses == 1 ? "no answer to a ping" : "no answer to \(misses) pings"
    self.counters.connectionUnhealthy()
    self.publish(
      "connection.unhealthy", peer: connection.remotePeer, connection: id,
      fields: [("misses", .int(Int64(misses))), ("reason", .string(words))])
    self.beginClosing(id, Closing(reason: words))
  }
}
