import P2PCore
import Synchronization
import Testing

@testable import HostTestKit
@testable import P2PHost

private struct NoSuchName: Error, CustomStringConvertible {
  let description = "no such name"
}

@Suite("Dialling", .timeLimit(.minutes(1)))
struct DialTests {
  @Test("reuses a live connection to a named peer, however it is named")
  func reuse() async throws {
    let (first, second, network) = try await Node.connectedPair()
    let before = network.dials.count
    let byID = await first.host.dial(peer: second.peer, addresses: [], timeout: nil)
    let byAddress = await first.host.dial(
      peer: nil, addresses: [second.address.with(peerID: second.peer)], timeout: nil)
    for result in [byID, byAddress] {
      #expect(result.reused)
      #expect(result.attempts.isEmpty)
      #expect(result.connection?.peerID == second.peer)
    }
    #expect(network.dials.count == before)
    #expect(await first.host.connections().count == 1)
  }

  @Test("takes whoever answers when no peer is named")
  func anyone() async throws {
    let network = MemoryNetwork()
    let first = try await Node.started(1, network)
    let second = try await Node.started(2, network)
    let result = await first.host.dial(peer: nil, addresses: [second.address], timeout: nil)
    #expect(result.connection?.peerID == second.peer)
    #expect(!result.reused)
    let known = try #require(await first.host.peer(second.peer))
    #expect(known.addresses.first?.lastSuccessAt != nil)
    #expect(known.addresses.first?.source == "dial")
    #expect(known.failureCount == 0)
  }

  @Test("finds a known peer again by the addresses that it told")
  func knownAddresses() async throws {
    let (first, second, _) = try await Node.connectedPair()
    #expect(await second.host.disconnect(first.peer, reason: "done"))
    await first.recorder.first("peer.state_changed", peer: second.peer, to: "idle")
    await second.recorder.first("peer.state_changed", peer: first.peer, to: "idle")
    let result = await second.host.dial(peer: first.peer, addresses: [], timeout: nil)
    #expect(result.error == nil)
    #expect(result.attempts.map(\.address) == [first.address])
    #expect(result.attempts.first?.resolvedFrom == nil)
  }

  @Test("refuses itself, by id and by address")
  func selfDial() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let byID = await node.host.dial(peer: node.peer, addresses: [node.address], timeout: nil)
    #expect(byID.error?.class == .selfDial)
    #expect(byID.attempts.isEmpty)
    let byAddress = await node.host.dial(peer: nil, addresses: [node.address], timeout: nil)
    #expect(byAddress.error?.class == .selfDial)
    #expect(byAddress.connection == nil)
    #expect(await node.host.connections().isEmpty)
    #expect(await node.host.peers().isEmpty)
    #expect(node.host.counters.snapshot().dialErrors.values.reduce(0, +) == 2)
  }

  @Test(
    "refuses what it cannot dial, with the class that says why",
    arguments: [
      ("/ip4/10.0.0.9/tcp/4001", .unsupportedTransport), ("/ip4/10.0.0.9/udp/9000/quic", .unsupportedTransport),
      ("/ip4/0.0.0.0/udp/9000/quic-v1", .invalidAddress), ("/dnsaddr/example.org", .unsupportedTransport),
      ("/ip4/10.0.0.9/udp/9000/quic-v1", .refused), ("/dns/nowhere.example/udp/9000/quic-v1", .dnsFailure),
      ("/dns4/empty.example/udp/9000/quic-v1", .dnsFailure),
    ] as [(String, DialErrorClass)])
  func refused(text: String, expected: DialErrorClass) async throws {
    let network = MemoryNetwork()
    let node = Node(
      1, network,
      resolve: { name, _ in
        if name == "empty.example" { return [] }
        throw NoSuchName()
      })
    try await node.host.start()
    let address = try Multiaddr(text)
    let result = await node.host.dial(peer: nil, addresses: [address], timeout: nil)
    #expect(result.error?.class == expected, "\(String(describing: result.error))")
    #expect(result.attempts.map(\.outcome) == [.failed])
    #expect(result.attempts.first?.error == result.error)
    let attempt = await node.recorder.first("dial.attempt")
    #expect(attempt["address"] == text)
    #expect(await node.recorder.first("dial.ended")["outcome"] == "failed")
    #expect(node.host.counters.snapshot().dialErrors.map { [$0.key.class: $0.value] } == [[expected: 1]])
  }

  @Test("knows a peer that it could not reach, as failed")
  func failedPeer() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let other = try await Node.started(2, network)
    let stranger = PeerID(publicKey: Node.key(9)) { _ in [] }
    let result = await node.host.dial(
      peer: stranger, addresses: [other.address, Node.address(8)], timeout: nil)
    #expect(result.attempts.map(\.error?.class) == [.peerIDMismatch, .refused])
    #expect(result.error?.class == .peerIDMismatch)
    #expect(result.error?.detail.contains("none of 2 addresses") == true)
    let known = try #require(await node.host.peer(stranger))
    #expect(known.state == .failed)
    #expect(known.failureCount == 1)
    #expect(known.addresses.map(\.lastError?.class) == [.peerIDMismatch, .refused])
    let states = node.recorder.all.filter { $0.type == "peer.state_changed" }.map { "\($0["from"]!)>\($0["to"]!)" }
    #expect(states == ["idle>connecting", "connecting>failed"])
    let nothing = await node.host.dial(peer: PeerID(publicKey: Node.key(10)) { _ in [] }, addresses: [], timeout: nil)
    #expect(nothing.error?.class == .invalidAddress)
  }

  @Test("begins the next address after the stagger, and the first that connects wins")
  func stagger() async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    let node = try await Node.started(1, network, clock: clock)
    let other = try await Node.started(2, network, clock: clock)
    network.set(.blackhole, for: Node.address(7))
    let addresses = [Node.address(7), other.address, Node.address(8)]
    async let dialling = node.host.dial(peer: nil, addresses: addresses, timeout: .seconds(20))
    await clock.sleeper(of: DialRanking.privateStagger)
    await clock.sleeper(of: .seconds(20))
    #expect(network.dials == [Node.address(7)])
    clock.advance(by: DialRanking.privateStagger)
    let result = await dialling
    #expect(result.connection?.peerID == other.peer)
    #expect(result.attempts.map(\.outcome) == [.connected, .cancelled, .skipped])
    #expect(result.attempts.map(\.address) == [addresses[1], addresses[0], addresses[2]])
    #expect(network.dials == [addresses[0], addresses[1]])
  }

  @Test("ends when its time is over")
  func timeout() async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    let node = try await Node.started(1, network, clock: clock)
    network.set(.blackhole, for: Node.address(7))
    async let dialling = node.host.dial(peer: nil, addresses: [Node.address(7)], timeout: .seconds(20))
    await clock.sleeper(of: .seconds(20))
    clock.advance(by: .seconds(20))
    let result = await dialling
    #expect(result.error?.class == .timeout)
    #expect(result.attempts.map { $0.endedAt - $0.startedAt } == [20_000])
  }

  @Test("ends when its task is cancelled, also while a name is looked up")
  func cancelled() async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    let node = Node(
      1, network, clock: clock,
      resolve: { _, _ in
        try await clock.sleep(.seconds(77))
        return []
      })
    try await node.host.start()
    network.set(.blackhole, for: Node.address(7))
    let stranger = PeerID(publicKey: Node.key(9)) { _ in [] }
    let connecting = Task {
      await node.host.dial(peer: stranger, addresses: [Node.address(7)], timeout: .seconds(20))
    }
    await clock.sleeper(of: .seconds(20))
    connecting.cancel()
    let first = await connecting.value
    #expect(first.error?.class == .cancelled)
    #expect(first.attempts.map(\.outcome) == [.cancelled])
    #expect(await node.host.peer(stranger)?.state == .idle)

    let name = try Multiaddr("/dns/slow.example/udp/9000/quic-v1")
    let resolving = Task { await node.host.dial(peer: nil, addresses: [name], timeout: .seconds(30)) }
    await clock.sleeper(of: .seconds(77))
    resolving.cancel()
    #expect(await resolving.value.error?.class == .cancelled)

    async let late = node.host.dial(peer: nil, addresses: [name], timeout: .seconds(30))
    await clock.sleeper(of: .seconds(30))
    clock.advance(by: .seconds(30))
    #expect(await late.error?.class == .timeout)
  }

  @Test("resolves names, in the family asked for")
  func names() async throws {
    let network = MemoryNetwork()
    let node = Node(
      1, network,
      resolve: { name, family in
        #expect(name == "second.example")
        return family == .ipv4 ? [[10, 0, 0, 2]] : [[0xfd, 0], [UInt8](repeating: 1, count: 16), [10, 0, 0, 2]]
      })
    try await node.host.start()
    let second = try await Node.started(2, network)
    let name = try Multiaddr("/dns4/second.example/udp/9000/quic-v1")
    let result = await node.host.dial(peer: second.peer, addresses: [name], timeout: nil)
    #expect(result.attempts.map(\.resolvedFrom) == [name])
    #expect(result.attempts.map(\.address) == [second.address])
    let known = try #require(await node.host.peer(second.peer))
    #expect(Set(known.addresses.map(\.address)) == [name, second.address])
    #expect(known.addresses.allSatisfy { $0.lastSuccessAt != nil && $0.lastError == nil })

    _ = await node.host.closeConnection(result.connection?.id ?? "", abort: true)
    await node.recorder.first("peer.state_changed", peer: second.peer, to: "idle")
    let both = try Multiaddr("/dns/second.example/udp/9000/quic-v1")
    let fallback = await node.host.dial(peer: second.peer, addresses: [both], timeout: nil)
    // One is private and one is not: they are tried side by side, and the one that connects may be ahead of the failure.
    let outcomes = fallback.attempts.map(\.outcome.rawValue).sorted()
    #expect([["connected", "failed"], ["cancelled", "connected"]].contains(outcomes))
  }

  @Test("follows dnsaddr records to the peer that they name, not in circles")
  func dnsaddr() async throws {
    let network = MemoryNetwork()
    let second = try await Node.started(2, network)
    let other = PeerID(publicKey: Node.key(9)) { _ in [] }
    let lookups = Mutex(0)
    let node = Node(
      1, network,
      resolveText: { name in
        lookups.withLock { $0 += 1 }
        return switch name {
        case "_dnsaddr.good.example":
          [
            "v=spf1", "dnsaddr=nonsense", "dnsaddr=\(Node.address(9).with(peerID: other))",
            "dnsaddr=/dnsaddr/next.example/p2p/\(second.peer)",
          ]
        case "_dnsaddr.next.example": ["dnsaddr=\(second.address.with(peerID: second.peer))"]
        case "_dnsaddr.loop.example": ["dnsaddr=/dnsaddr/loop.example/p2p/\(second.peer)"]
        case "_dnsaddr.empty.example": []
        // Each of these leads to 50 more.
        case let name where name.hasPrefix("_dnsaddr.many"):
          (0..<50).map { "dnsaddr=/dnsaddr/many\($0)\(name.dropFirst(9))/p2p/\(second.peer)" }
        default: throw NoSuchName()
        }
      })
    try await node.host.start()
    for (name, expected) in [
      ("good", nil), ("loop", .dnsFailure), ("empty", .dnsFailure), ("none", .dnsFailure), ("many", .dnsFailure),
    ] as [(String, DialErrorClass?)] {
      lookups.withLock { $0 = 0 }
      let address = try Multiaddr("/dnsaddr/\(name).example/p2p/\(second.peer)")
      let result = await node.host.dial(peer: nil, addresses: [address], timeout: nil)
      #expect(result.error?.class == expected, "\(name): \(String(describing: result.error))")
      let asked = lookups.withLock { $0 }
      #expect(asked <= DialResolver.lookupsMax, "\(name)")
      if let id = result.connection?.id {
        #expect(result.attempts.map(\.resolvedFrom) == [address])
        _ = await node.host.closeConnection(id, abort: true)
        await node.recorder.first("peer.state_changed", peer: second.peer, to: "idle")
      }
    }
  }

  @Test("tries a bounded number of addresses and holds a bounded number of connections")
  func limits() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network) {
      $0.limits.dialAddressesMax = 2
      $0.limits.connections.total = 1
    }
    let many = await node.host.dial(peer: nil, addresses: (20..<24).map { Node.address($0) }, timeout: nil)
    #expect(many.attempts.map(\.outcome) == [.skipped, .skipped, .failed, .failed])
    #expect(many.attempts.first?.error?.class == .limitExceeded)
    let second = try await Node.started(2, network)
    let third = try await Node.started(3, network)
    #expect(await node.host.dial(peer: nil, addresses: [second.address], timeout: nil).error == nil)
    let refused = await node.host.dial(peer: nil, addresses: [third.address], timeout: nil)
    #expect(refused.error?.class == .limitExceeded)
    #expect(refused.attempts.isEmpty)
    // Inbound ones are closed with a word.
    _ = await third.host.dial(peer: node.peer, addresses: [node.address], timeout: nil)
    await third.recorder.first("connection.state_changed", peer: node.peer, to: "idle")
    #expect(await third.host.peer(node.peer)?.lastDisconnect?.reason.code == ConnectionCode.resourceLimitExceeded)
    #expect(await node.host.connections().map(\.peerID) == [second.peer])
  }

  @Test("takes no address of another peer than the one that is named")
  func contradiction() async throws {
    let (first, second, network) = try await Node.connectedPair()
    let stranger = PeerID(publicKey: Node.key(9)) { _ in [] }
    let before = network.dials.count
    let result = await first.host.dial(
      peer: stranger, addresses: [second.address.with(peerID: second.peer)], timeout: nil)
    #expect(result.error?.class == .invalidAddress)
    #expect(result.error?.detail.contains("\(stranger)") == true)
    #expect(network.dials.count == before)
  }

  @Test("is refused when the transport could not start")
  func startFails() async throws {
    let node = Node(1, MemoryNetwork())
    node.transport.failToStart()
    await #expect(throws: StreamError.finished) { try await node.host.start() }
    #expect(await node.host.dial(peer: nil, addresses: [node.address], timeout: nil).error?.class == .shuttingDown)
    #expect(node.recorder.all.isEmpty)
  }

  @Test("is refused before the start and after the shutdown")
  func notRunning() async throws {
    let network = MemoryNetwork()
    let node = Node(1, network)
    #expect(await node.host.dial(peer: nil, addresses: [Node.address(2)], timeout: nil).error?.class == .shuttingDown)
    try await node.host.start()
    await node.host.shutdown(timeout: .seconds(1))
    #expect(await node.host.dial(peer: nil, addresses: [Node.address(2)], timeout: nil).error?.class == .shuttingDown)
    await node.host.shutdown(timeout: .seconds(1))
    #expect(network.dials.isEmpty)
  }
}
