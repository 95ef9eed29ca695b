import P2PCore
import Synchronization
import Testing

@testable import HostTestKit
@testable import P2PHost

@Suite("Keeping peers connected", .timeLimit(.minutes(1)))
struct KeepingTests {
  private let refused = DialError(.refused, "nobody there", temporary: true)

  @Test("a pinned peer is dialled at once, and again while it cannot be reached, more and more rarely")
  func backoff() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let peer = Node.transport(2, network)
    _ = try await node.host.putPeer(peer.peer, addresses: [Node.address(2)], name: "two", pinned: true)
    await node.recorder.first("peer.state_changed", peer: peer.peer, to: "failed")
    #expect(network.dials.count == 1)
    let info = try #require(await node.host.peer(peer.peer))
    #expect(info.name == "two")
    #expect(info.failureCount == 1)
    let wait = try #require(info.backoff)
    #expect(wait <= .seconds(1))
    try await clock.pass(.seconds(30))
    let early = network.dials.count
    #expect((4...40).contains(early), "\(early)")
    try await clock.pass(.seconds(300))
    // Ceilings of 32, 64, 128, 256, 300 seconds.
    #expect((1...30).contains(network.dials.count - early), "\(network.dials.count - early)")
    // It comes to life.
    try await peer.start { _ in }
    let connected = try await clock.pass(atMost: .seconds(301)) { await node.host.state(of: peer.peer) == .connected }
    #expect(connected)
    #expect(await node.host.peer(peer.peer)?.nextAttemptAt == nil)
  }

  @Test("a failure that only the other end can mend is retried at the slow end")
  func permanent() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let stranger = Node.transport(3, network)
    try await stranger.start { _ in }
    let missing = Node.transport(2, network).peer
    _ = try await node.host.putPeer(missing, addresses: [Node.address(3)], name: nil, pinned: true)
    await node.recorder.first("peer.state_changed", peer: missing, to: "failed")
    let info = try #require(await node.host.peer(missing))
    #expect(info.addresses.first?.lastError?.class == .peerIDMismatch)
    #expect(try #require(info.backoff) >= .seconds(150))
    try await clock.pass(.seconds(140))
    #expect(network.dials.count == 1)
    // The operator knows better.
    #expect(await node.host.clearBackoff(missing))
    await node.recorder.first { event in event.type == "dial.ended" && event.number > 0 && event["dial"] == "d-2" }
    #expect(network.dials.count == 2)
    #expect(await node.host.clearBackoff(Node.transport(9, network).peer) == false)
  }

  @Test("a lost connection is made again")
  func lost() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let other = try await Node.started(2, network)
    _ = try await node.host.putPeer(other.peer, addresses: [other.address], name: nil, pinned: true)
    await node.recorder.first("peer.identified", peer: other.peer)
    node.transport.connections[0].vanish()
    await node.recorder.first("peer.state_changed", peer: other.peer, to: "failed")
    #expect(await node.host.peer(other.peer)?.flapCount == 1)
    let again = try await clock.pass(atMost: .seconds(5)) { await node.host.state(of: other.peer) == .connected }
    #expect(again)
    let history = await node.host.closedConnections()
    #expect(history.map(\.reason.reason) == ["idle_timeout"])
    #expect(history.first?.connection.statistics?.bytesIn ?? 0 > 0)
  }

  @Test("a disconnected pinned peer is left alone until it is connected again")
  func pause() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let other = try await Node.started(2, network)
    _ = try await node.host.putPeer(other.peer, addresses: [other.address], name: nil, pinned: true)
    await node.recorder.first("peer.identified", peer: other.peer)
    #expect(await node.host.disconnect(other.peer, reason: "maintenance"))
    let isIdle = try await clock.pass(atMost: .seconds(6)) { await node.host.state(of: other.peer) == .idle }
    let seen = await (node.host.state(of: other.peer), node.host.connections(), clock.now)
    #expect(isIdle, "\(seen)")
    #expect(await node.host.peer(other.peer)?.paused == true)
    try await clock.pass(.seconds(20))
    #expect(network.dials.count == 1)
    #expect(await node.host.node().pinned.total == 0)
    let result = try #require(await node.host.connect(other.peer, timeout: nil))
    #expect(result.connection?.peerID == other.peer)
    #expect(await node.host.peer(other.peer)?.paused == false)
    #expect(await node.host.connect(Node.transport(9, network).peer, timeout: nil) == nil)
  }

  @Test("a change of the network ends every wait")
  func networkChanged() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let peer = Node.transport(2, network)
    network.set(.fail(DialError(.noRoute, "no way", temporary: false)), for: Node.address(2))
    _ = try await node.host.putPeer(peer.peer, addresses: [Node.address(2)], name: nil, pinned: true)
    await node.recorder.first("peer.state_changed", peer: peer.peer, to: "failed")
    try await clock.pass(.seconds(10))
    #expect(network.dials.count == 1)
    node.transport.tell(.networkChanged)
    #expect(try await clock.pass(atMost: .seconds(2)) { network.dials.count == 2 })
  }

  /// A member of a large federation.
  private static func entry(_ number: Int) -> BookEntry {
    let bytes = [UInt8(number >> 8), UInt8(number & 255)]
    let key = PublicKey(type: .ed25519, data: [UInt8](repeating: 9, count: 30) + bytes)
    let address = Multiaddr(quic: IPEndpoint(address: [10, 9] + bytes, port: 9000))
    return BookEntry(
      peerID: PeerID(publicKey: key) { _ in [] }, name: nil, pinned: true, addresses: [address], source: .config)
  }

  @Test("511 peers that cannot be reached are dialled in no herd")
  func herd() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = Node(1, network, clock: clock)
    let peers = (0..<511).map(Self.entry)
    await node.host.load(peers, blocks: [])
    try await node.host.start()
    #expect(try await clock.pass(atMost: .seconds(60)) { Set(network.dials).count == 511 })
    var most = 0
    try await clock.pass(.seconds(120))
    for _ in 0..<60 {
      let before = network.dials.count
      try await clock.pass(.seconds(1))
      most = max(most, network.dials.count - before)
    }
    // 511 peers with ceilings of 128 s and more: about 8 a second.
    #expect(most < 60, "\(most)")
    #expect(await node.host.node().quorum == QuorumInfo(required: 384, isMet: false))
  }

  @Test("a peer that answers no ping is given up after three")
  func probe() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let mute = Node.transport(2, network)
    try await mute.start { _ in }
    _ = await node.host.dial(peer: mute.peer, addresses: [Node.address(2)], timeout: nil)
    // The first ping between 7.5 and 15 s after the start, 15 s between two; each waits for 10 s.
    try await clock.pass(.seconds(40))
    #expect(await node.host.state(of: mute.peer) == .connected)
    #expect(try await clock.pass(atMost: .seconds(60)) { await node.host.state(of: mute.peer) != .connected })
    let event = await node.recorder.first("connection.unhealthy", peer: mute.peer)
    #expect(event["reason"] == "no answer to 3 pings")
    #expect(node.host.counters.snapshot().connectionsUnhealthy == 1)
  }

  @Test("the old connection of a peer that makes a new one is given up when it does not answer a ping")
  func restarted() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let mute = Node.transport(2, network)
    try await mute.start { _ in }
    let old = try await mute.dialMemory(node.address)
    #expect(try await eventually { await node.host.connections().count == 1 })
    try await clock.pass(.seconds(1))
    let new = try await mute.dialMemory(node.address)
    #expect(try await eventually { await node.host.connections().count == 2 })
    #expect(try await clock.pass(atMost: .seconds(3)) { old.isClosed })
    #expect(!new.isClosed)
    #expect(try await eventually { await !node.host.closedConnections().isEmpty })
    #expect(await node.host.closedConnections().map(\.reason.detail) == ["no answer to a ping"])
    #expect(await node.host.state(of: mute.peer) == .connected)
  }

  @Test("a connection whose transport never says that it is closed is cut off")
  func cutOff() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let other = try await Node.started(2, network)
    let result = await node.host.dial(peer: other.peer, addresses: [other.address], timeout: nil)
    let id = try #require(result.connection?.id)
    node.transport.silence()
    #expect(await node.host.closeConnection(id, abort: true))
    try await clock.pass(.seconds(4))
    #expect(await node.host.connections().map(\.state) == [.disconnecting])
    #expect(try await clock.pass(atMost: .seconds(2)) { await node.host.connections().isEmpty })
    #expect(await node.host.state(of: other.peer) == .failed)
    let closed = try #require(await node.host.closedConnections().first)
    #expect(closed.reason.reason == "closed_locally" && closed.connection.state == .failed)
  }

  @Test("readiness needs three quarters of the pinned peers and forgives a short dip")
  func quorum() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    #expect(await node.host.node().quorum == QuorumInfo(required: 0, isMet: true))
    let others = try await [
      Node.started(2, network), Node.started(3, network), Node.started(4, network),
    ]
    for other in others {
      _ = try await node.host.putPeer(other.peer, addresses: [other.address], name: nil, pinned: true)
    }
    let ready = try await clock.pass(atMost: .seconds(5)) {
      await node.host.node().quorum == QuorumInfo(required: 3, isMet: true)
    }
    #expect(ready)
    for other in others { await node.recorder.first("peer.identified", peer: other.peer) }
    #expect(await node.host.disconnect(others[0].peer, reason: ""))
    #expect(try await clock.pass(atMost: .seconds(6)) { await node.host.state(of: others[0].peer) == .idle })
    try await clock.pass(.seconds(1))
    // A paused peer is not missing.
    #expect(await node.host.node().quorum == QuorumInfo(required: 2, isMet: true))
    network.set(.fail(self.refused), for: others[1].address)
    node.transport.connections.first { $0.remotePeer == others[1].peer }?.vanish()
    await node.recorder.first("peer.state_changed", peer: others[1].peer, to: "failed")
    try await clock.pass(.seconds(3))
    #expect(await node.host.node().quorum.isMet)
    try await clock.pass(.seconds(4))
    #expect(await node.host.node().quorum == QuorumInfo(required: 2, isMet: false))
  }

  @Test("above the high water the least valuable connections go, never young or pinned ones")
  func trimming() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock) {
      $0.limits.water = 2...3
      $0.probe.interval = nil
    }
    let others = [2, 3, 4, 5].map { Node.transport(UInt8($0), network) }
    for other in others { try await other.start { _ in } }
    _ = try await node.host.putPeer(others[0].peer, addresses: [Node.address(2)], name: nil, pinned: true)
    for number in 3...5 {
      _ = await node.host.dial(peer: nil, addresses: [Node.address(UInt8(number))], timeout: nil)
    }
    try await clock.pass(.seconds(5))
    #expect(await node.host.connections().count == 4)
    let trimmed = try await clock.pass(atMost: .seconds(70)) { await node.host.connections().count == 2 }
    #expect(trimmed)
    #expect(await node.host.state(of: others[0].peer) == .connected)
    let closed = await node.host.closedConnections()
    #expect(closed.allSatisfy { $0.reason.code == ConnectionCode.garbageCollected })
  }
}
