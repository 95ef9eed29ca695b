import P2PCore
import Testing

@testable import HostTestKit
@testable import P2PHost

@Suite("Who may connect", .timeLimit(.minutes(1)))
struct GateTests {
  @Test("a block closes what it matches, refuses dials and newcomers, and ends")
  func blockPeer() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    let other = try await Node.started(2, network)
    _ = try await node.host.putPeer(other.peer, addresses: [other.address], name: nil, pinned: true)
    await node.recorder.first("peer.identified", peer: other.peer)
    let ends = TestClock.start + 60_000
    #expect(try await node.host.block(.peer(other.peer), expiresAt: ends, reason: "compromised"))
    await node.recorder.first("peer.state_changed", peer: other.peer, to: "idle")
    #expect(await node.recorder.first("peer.blocked", peer: other.peer)["reason"] == "compromised")
    let closed = await other.host.closedConnections()
    #expect(closed.first?.reason.code == ConnectionCode.gated)
    #expect(await node.host.peer(other.peer)?.blocked == true)
    let refused = await node.host.dial(peer: other.peer, addresses: [other.address], timeout: nil)
    #expect(refused.error?.class == .blocked)
    #expect(refused.error?.detail.contains("blocklist") == true)
    _ = await other.host.dial(peer: node.peer, addresses: [node.address], timeout: nil)
    #expect(await node.host.connections().isEmpty)
    #expect(await node.recorder.first("peer.refused", peer: other.peer)["reason"]?.contains("blocklist") == true)
    try await clock.pass(.seconds(59))
    #expect(network.dials.count == 2)
    #expect(try await clock.pass(atMost: .seconds(3)) { await node.host.state(of: other.peer) == .connected })
    #expect(await node.host.blocklist().isEmpty)
  }

  @Test("a blocked network is refused before a handshake, and no address in it is dialled")
  func blockNetwork() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let other = try await Node.started(2, network)
    let entry = try BlockEntry("10.0.0.2")
    #expect(try await node.host.block(entry, expiresAt: nil, reason: nil))
    #expect(try await node.host.block(entry, expiresAt: nil, reason: "again") == false)
    let inbound = await other.host.dial(peer: node.peer, addresses: [node.address], timeout: nil)
    #expect(inbound.error?.class == .refused)
    let outbound = await node.host.dial(peer: nil, addresses: [other.address], timeout: nil)
    #expect(outbound.error?.class == .blocked)
    #expect(outbound.attempts.map(\.outcome) == [.failed])
    #expect(try await node.host.unblock(entry))
    #expect(try await node.host.unblock(entry) == false)
    #expect(await node.host.dial(peer: nil, addresses: [other.address], timeout: nil).error == nil)
  }

  @Test("in allow-list mode strangers are refused, listed, and let in by being put into the book")
  func allowlist() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network) { $0.policy = .allowlist }
    let stranger = try await Node.started(2, network)
    for count in 1...2 {
      _ = await stranger.host.dial(peer: node.peer, addresses: [node.address], timeout: nil)
      #expect(try await eventually { await stranger.host.closedConnections().count == count })
    }
    #expect(await node.host.connections().isEmpty)
    let closed = await stranger.host.closedConnections()
    #expect(closed.first?.reason.code == ConnectionCode.gated)
    let knocked = await node.host.unknownPeers()
    #expect(knocked.map(\.peer) == [stranger.peer])
    #expect(knocked.first?.count == 2)
    #expect(
      await node.host.dial(peer: stranger.peer, addresses: [stranger.address], timeout: nil).error?.class == .blocked)
    _ = try await node.host.putPeer(stranger.peer, addresses: [], name: nil, pinned: false)
    #expect(await node.host.unknownPeers().isEmpty)
    #expect(await stranger.host.dial(peer: node.peer, addresses: [node.address], timeout: nil).error == nil)
    await node.recorder.first("peer.identified", peer: stranger.peer)
  }

  @Test("a full limit names itself to the peer, the events and the API")
  func limits() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network) { $0.limits.connections.inbound = 1 }
    let (first, second) = try await (Node.started(2, network), Node.started(3, network))
    _ = await first.host.dial(peer: node.peer, addresses: [node.address], timeout: nil)
    _ = await second.host.dial(peer: node.peer, addresses: [node.address], timeout: nil)
    #expect(try await eventually { await !second.host.closedConnections().isEmpty })
    let reason = try #require(await second.host.closedConnections().first).reason
    #expect(reason.code == ConnectionCode.resourceLimitExceeded)
    #expect(reason.detail?.contains("limits.connections_inbound") == true)
    let event = await node.recorder.first("limit.reached")
    #expect(event["scope"] == "limits.connections_inbound")
    let shown = await node.host.node().limits.first { $0.scope == "limits.connections_inbound" }
    #expect(shown == LimitInfo(scope: "limits.connections_inbound", used: 1, limit: 1))
  }

  @Test("one address has its share, and pinned peers are exempt from it")
  func perAddress() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network) { $0.limits.connections.perSubnet = 1 }
    let (first, second, third) = try await (
      Node.started(2, network), Node.started(3, network), Node.started(4, network)
    )
    _ = try await node.host.putPeer(third.peer, addresses: [], name: nil, pinned: true)
    for other in [first, second, third] {
      _ = await other.host.dial(peer: node.peer, addresses: [node.address], timeout: nil)
    }
    await node.recorder.first("peer.identified", peer: third.peer)
    #expect(await node.recorder.first("peer.refused", peer: second.peer)["reason"]?.contains("per_subnet") == true)
    #expect(Set(await node.host.connections().map(\.peerID)) == [first.peer, third.peer])
  }

  @Test("one peer, and one protocol, may have only so many streams")
  func streams() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network) {
      $0.limits.streams.perPeer = 3
      $0.limits.streams.perProtocol = 5
    }
    let (first, second) = try await (Attacker(2, against: node, network), Attacker(3, against: node, network))
    let ping = Attacker.proposal("/ipfs/ping/1.0.0")
    func open(_ attacker: Attacker) async throws -> MemoryStream {
      let stream = try attacker.open()
      try await stream.write(ping, finish: false)
      return stream
    }
    var served: [MemoryStream] = []
    for attacker in [first, first, first, second, second] { served.append(try await open(attacker)) }
    for stream in served { #expect(try await Attacker.read(ping.count, from: stream) == ping) }
    let surplus = try first.open()
    await #expect(throws: StreamError.reset(code: StreamCode.resourceLimitExceeded)) {
      _ = try await surplus.read(upTo: 1)
    }
    let sixth = try await open(second)
    await #expect(throws: StreamError.reset(code: StreamCode.resourceLimitExceeded)) {
      while try await sixth.read(upTo: 100) != nil {}
    }
    // Those that end make room.
    served[0].reset(code: 0)
    #expect(try await eventually { node.host.router.streams == 4 })
    let next = try await open(first)
    #expect(try await Attacker.read(ping.count, from: next) == ping)
    #expect(node.host.counters.snapshot().streamsRefused == 2)
  }

  @Test("a flood of refusals is counted, but told of at a bounded rate")
  func refusals() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock)
    for number in 0..<1_000 {
      node.transport.tell(.inboundRefused(remoteAddress: Node.address(UInt8(number % 200)), reason: "full"))
    }
    #expect(try await eventually { node.host.counters.snapshot().connectionsRefused == 1_000 })
    #expect(node.recorder.all.count { $0.type == "peer.refused" } == 20)
    try await clock.pass(.seconds(1))
    node.transport.tell(.inboundRefused(remoteAddress: Node.address(7), reason: "again"))
    let next = await node.recorder.first { $0.type == "peer.refused" && $0["reason"] == "again" }
    #expect(
      next.fields.contains { field in
        if case ("untold", .int(980)) = field { true } else { false }
      })
  }
}
