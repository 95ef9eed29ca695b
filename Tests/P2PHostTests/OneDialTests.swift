import P2PCore
import Synchronization
import Testing

@testable import HostTestKit
@testable import P2PHost

@Suite("One dial per peer", .timeLimit(.minutes(1)))
struct OneDialTests {
  @Test("all who ask at the same time share one dial")
  func shared() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let other = try await Node.started(2, network)
    network.set(.blackhole, for: Node.address(7))
    let results = await withTaskGroup(of: DialResult.self) { group in
      for _ in 0..<20 {
        group.addTask {
          await node.host.dial(peer: other.peer, addresses: [Node.address(7), other.address], timeout: .seconds(20))
        }
      }
      await clock.sleeper(of: .milliseconds(30))
      clock.advance(by: .milliseconds(30))
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(network.dials.count == 2)
    #expect(Set(results.compactMap { $0.connection?.id }).count == 1)
    #expect(results.allSatisfy { $0.error == nil })
    #expect(await node.host.dials().count == 1)
  }

  @Test("one who gives up leaves the others waiting; the last one ends the dial")
  func givingUp() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let peer = Node.transport(2, network).peer
    network.set(.blackhole, for: Node.address(7))
    let ask = { @Sendable in
      await node.host.dial(peer: peer, addresses: [Node.address(7)], timeout: .seconds(20))
    }
    let first = Task { await ask() }
    await clock.sleeper(of: .seconds(20))
    let second = Task { await ask() }
    while await node.host.dialJobs.values.first?.waiters.count != 2 { await Task.yield() }
    first.cancel()
    #expect(await first.value.error?.class == .cancelled)
    #expect(await node.host.dials().map(\.state) == [.running])
    second.cancel()
    #expect(await second.value.error?.class == .cancelled)
    await node.recorder.first("dial.ended")
    #expect(await node.host.dials().map(\.state) == [.cancelled])
    #expect(await node.host.state(of: peer) == .idle)
  }

  @Test("who asks for an address that the dial under way did not try gets a dial of its own")
  func otherAddress() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let other = try await Node.started(2, network)
    network.set(.blackhole, for: Node.address(7))
    let first = Task { await node.host.dial(peer: other.peer, addresses: [Node.address(7)], timeout: .seconds(20)) }
    await clock.sleeper(of: .seconds(20))
    let second = Task { await node.host.dial(peer: other.peer, addresses: [other.address], timeout: nil) }
    while await node.host.dialJobs.values.first?.waiters.count != 2 { await Task.yield() }
    clock.advance(by: .seconds(20))
    #expect(await first.value.error?.class == .timeout)
    #expect(await second.value.connection?.peerID == other.peer)
  }

  @Test("a dial in the background can be looked at and cancelled")
  func background() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let peer = Node.transport(2, network).peer
    network.set(.blackhole, for: Node.address(7))
    let dial = await node.host.startDial(peer: peer, addresses: [Node.address(7)], timeout: .seconds(20))
    #expect(dial.state == .running)
    #expect(await node.host.dialInfo(dial.id)?.addresses == [Node.address(7)])
    #expect(await node.host.startDial(peer: peer, addresses: [], timeout: nil).id == dial.id)
    while network.dials.isEmpty { await Task.yield() }
    #expect(await node.host.cancelDial(dial.id) == true)
    await node.recorder.first("dial.ended")
    let ended = try #require(await node.host.dialInfo(dial.id))
    #expect(ended.state == .cancelled)
    #expect(ended.attempts.map(\.outcome) == [.cancelled])
    #expect(await node.host.cancelDial(dial.id) == false)
    #expect(await node.host.cancelDial("d-99") == nil)
    #expect(await node.host.startDial(peer: node.peer, addresses: [], timeout: nil).error?.class == .selfDial)
  }

  @Test("attempts of all dials together have a limit")
  func attempts() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock) { $0.limits.attemptsMax = 3 }
    for number in 10..<20 {
      network.set(.blackhole, for: Node.address(UInt8(number)))
      _ = await node.host.startDial(peer: nil, addresses: [Node.address(UInt8(number))], timeout: .seconds(20))
    }
    await clock.sleeper(of: .seconds(20))
    for _ in 0..<1_000 where network.dials.count < 3 { await Task.yield() }
    for _ in 0..<1_000 { await Task.yield() }
    #expect(network.dials.count == 3)
    await node.host.shutdown(timeout: .zero)
  }

  @Test("two that dial each other at the same moment keep one connection, the same one", arguments: 0..<100)
  func simultaneous(round: Int) async throws {
    let network = MemoryNetwork(jitterSeed: round < 20 ? nil : UInt64(round))
    let (first, second) = try await (Node.started(1, network), Node.started(2, network))
    async let there = first.host.dial(peer: second.peer, addresses: [second.address], timeout: nil)
    for _ in 0..<(round % 8) { await Task.yield() }
    async let back = second.host.dial(peer: first.peer, addresses: [first.address], timeout: nil)
    let results = await [there, back]
    #expect(results.allSatisfy { $0.error == nil }, "\(results.map(\.error))")
    let isSettled = {
      let (one, two) = await (first.host.connections(), second.host.connections())
      return one.count == 1 && two.count == 1 && one[0].state == .connected && two[0].state == .connected
        && one[0].direction != two[0].direction
    }
    // News of a second connection and of its end may still be on their way: it must last.
    var settledFor = 0
    for _ in 0..<1_000 where settledFor < 10 {
      settledFor = await isSettled() ? settledFor + 1 : 0
      try await Task.sleep(for: .milliseconds(5))
    }
    let (left, right) = await (first.host.connections(), second.host.connections())
    let settled = await isSettled()
    let (leftGone, rightGone) = await (first.host.closedConnections(), second.host.closedConnections())
    let story = (left + right).map(\.brief) + ["gone:"] + (leftGone + rightGone).map(\.brief)
    #expect(settled, "\(story)")
    // A stream on what is left works both ways.
    #expect(await first.host.ping(second.peer, count: 1, timeout: .seconds(5))?.first?.error == nil)
    #expect(await second.host.ping(first.peer, count: 1, timeout: .seconds(5))?.first?.error == nil)
    #expect(await first.host.peer(second.peer)?.flapCount == 0)
    #expect(await second.host.peer(first.peer)?.flapCount == 0)
  }

  @Test("an observer in the process hears of each connection, in order")
  func observer() async throws {
    final class Log: ConnectionObserver {
      let words = Mutex<[String]>([])
      func connection(_ connection: any Connection, became state: LinkState, reason: CloseReason?) {
        self.words.withLock { $0.append("\(state.rawValue) \(reason?.reason ?? "-")") }
      }
      func peer(_ peer: PeerID, isMember: Bool) {}
    }
    let network = MemoryNetwork()
    let (node, other) = try await (Node.started(1, network), Node.started(2, network))
    let log = Log()
    await node.host.add(observer: log)
    _ = await node.host.dial(peer: other.peer, addresses: [other.address], timeout: nil)
    #expect(await node.host.disconnect(other.peer, reason: "done"))
    await node.recorder.first("peer.state_changed", peer: other.peer, to: "idle")
    #expect(log.words.withLock { $0 } == ["connected -", "disconnecting closed_locally", "idle closed_locally"])
  }

  @Test("opening a stream dials where nothing is connected")
  func openStream() async throws {
    let network = MemoryNetwork()
    let (node, other) = try await (Node.started(1, network), Node.started(2, network))
    _ = try await node.host.putPeer(other.peer, addresses: [other.address], name: nil, pinned: false)
    let stream = try await node.host.openStream(to: other.peer, protocols: ["/ipfs/ping/1.0.0"])
    try await stream.write([UInt8](repeating: 1, count: 32))
    #expect(try await stream.read(exactly: 32) == [UInt8](repeating: 1, count: 32))
    stream.reset(code: 0)
    #expect(network.dials.count == 1)
    do {
      _ = try await node.host.openStream(to: Node.transport(9, network).peer, protocols: ["/ipfs/ping/1.0.0"])
      Issue.record("there was nobody to open a stream to")
    } catch {
      #expect((error as? DialError)?.class == .invalidAddress)
    }
  }
}

extension ConnectionInfo {
  /// For what a failed test says.
  fileprivate var brief: String {
    let streams = self.statistics.map { "\($0.streamsInbound)+\($0.streamsOutbound) streams" } ?? "gone"
    return "\(self.id) \(self.direction) \(self.state) \(streams)"
  }
}

extension ClosedConnectionInfo {
  fileprivate var brief: String { "\(self.connection.brief): \(self.reason.reason) \(self.reason.detail ?? "")" }
}
