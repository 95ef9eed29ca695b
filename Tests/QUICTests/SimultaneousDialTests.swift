import P2PCore
import P2PHost
import Testing

@testable import QUIC

/// Two hosts that dial each other, over QUIC on a network that delays, reorders and loses.
@Suite("Simultaneous dials in the simulated network", .timeLimit(.minutes(5))) struct SimultaneousDialTests {
  /// A stream that was opened, and whether its bytes came back.
  private struct Echo: Sendable {
    var connection: String
    var error: String?
  }

  private struct Side: Sendable {
    var host: Host
    var peer: PeerID
    var address: Multiaddr

    /// Opens a stream every 20 ms, from the first moment at which there is a connection.
    func echoes(with other: Side, count: Int, clock: HostClock) async throws -> [Echo] {
      try await withThrowingTaskGroup(of: Echo.self) { group in
        for _ in 0..<count {
          var live = await self.host.liveConnection(to: other.peer)
          while live == nil {
            try await clock.sleep(.milliseconds(2))
            live = await self.host.liveConnection(to: other.peer)
          }
          guard let connection = live else { break }
          group.addTask { await Self.echo(on: connection, clock: clock) }
          try await clock.sleep(.milliseconds(20))
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
    }

    private static func echo(on connection: any P2PCore.Connection, clock: HostClock) async -> Echo {
      let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
      do {
        let stream = try await ProtocolStream.open(on: connection, protocols: ["/ipfs/ping/1.0.0"], firstPayload: bytes)
        let back = try await stream.read(exactly: 32)
        stream.reset(code: 0)
        return Echo(connection: connection.id, error: back == bytes ? nil : "other bytes came back")
      } catch {
        return Echo(connection: connection.id, error: "\(error)")
      }
    }
  }

  private func conditions(_ random: inout SeededGenerator) -> SimulatedNetwork.Conditions {
    var conditions = SimulatedNetwork.Conditions()
    conditions.latency = UInt64.random(in: 500_000...40_000_000, using: &random)
    conditions.jitter = UInt64.random(in: 0...conditions.latency, using: &random)
    conditions.loss = [0, 0.02, 0.1, 0.2].randomElement(using: &random)!
    conditions.duplication = [0, 0.05].randomElement(using: &random)!
    return conditions
  }

  @Test("one connection is left, the same on both sides, and no stream on it is lost", arguments: UInt64(1)...60)
  func settles(seed: UInt64) async throws {
    var random = SeededGenerator(state: seed)
    let hosts = try SimulatedHosts(seed: seed)
    defer { hosts.stop() }
    let conditions = self.conditions(&random)
    await hosts.set(conditions)
    let ((first, one), (second, two)) = (try await hosts.host("first"), try await hosts.host("second"))
    let left = Side(host: first, peer: first.localPeer, address: one.listenAddresses[0])
    let right = Side(host: second, peer: second.localPeer, address: two.listenAddresses[0])
    let head = Duration.nanoseconds(Int64.random(in: 0...Int64(3 * conditions.latency), using: &random))
    let clock = hosts.clock.hostClock
    let story = "seed \(seed), \(conditions), head start \(head)"

    let (echoes, settled) = try await hosts.whileTimePasses {
      async let there = first.dial(peer: right.peer, addresses: [right.address], timeout: .seconds(60))
      async let thereEchoes = left.echoes(with: right, count: 10, clock: clock)
      async let backEchoes = right.echoes(with: left, count: 10, clock: clock)
      try await clock.sleep(head)
      let back = await second.dial(peer: left.peer, addresses: [left.address], timeout: .seconds(60))
      #expect(await there.error == nil, "\(story)")
      #expect(back.error == nil, "\(story)")
      let echoes = try await thereEchoes + backEchoes
      return (echoes, try await self.settle(first, second, clock))
    }
    try #require(settled, "\(story)")

    let (mine, theirs) = (await first.allConnections()[0], await second.allConnections()[0])
    #expect(mine.remoteAddress == theirs.localAddress && theirs.remoteAddress == mine.localAddress)
    let lost = echoes.filter { $0.error != nil && ($0.connection == mine.id || $0.connection == theirs.id) }
    #expect(lost.isEmpty, "\(story): \(lost)")
    #expect(echoes.count == 20)
    let (here, there) = (await first.peer(right.peer), await second.peer(left.peer))
    #expect(here?.state == .connected && there?.state == .connected, "\(story)")
    #expect(here?.flapCount == 0 && there?.flapCount == 0, "\(story)")

    try await hosts.whileTimePasses {
      await first.shutdown(timeout: .zero)
      await second.shutdown(timeout: .zero)
    }
  }

  /// True when both have one connection and it is the same, for two seconds on end, within a minute and a half: one
  /// whose end was lost is found out by the idle timeout at the latest.
  private func settle(_ first: Host, _ second: Host, _ clock: HostClock) async throws -> Bool {
    var since: Duration?
    let begin = clock.monotonic()
    while clock.monotonic() - begin < .seconds(90) {
      let (mine, theirs) = (await first.allConnections(), await second.allConnections())
      let agrees =
        mine.count == 1 && theirs.count == 1 && mine[0].state == .connected && theirs[0].state == .connected
        && mine[0].direction != theirs[0].direction
      since = agrees ? since ?? clock.monotonic() : nil
      if let since, clock.monotonic() - since >= .seconds(2) { return true }
      try await clock.sleep(.milliseconds(50))
    }
    return false
  }
}

extension Host {
  fileprivate func allConnections() async -> [ConnectionInfo] { await self.connections(ConnectionQuery()).items }
}
