import P2PCore
import Testing

@testable import HostTestKit
@testable import P2PHost

@Suite("What a host tells", .timeLimit(.minutes(1)))
struct InspectionTests {
  @Test("events tell the story of a connection on both sides, in order")
  func story() async throws {
    let (first, second, _) = try await Node.connectedPair()
    let id = try #require(await first.host.connections().first?.id)
    #expect(await first.host.closeConnection(id, abort: false))
    await first.recorder.first("peer.state_changed", peer: second.peer, to: "idle")
    await second.recorder.first("peer.state_changed", peer: first.peer, to: "idle")

    func story(_ node: Node) -> [String] {
      node.recorder.all.filter { $0.type != "address.observed" && $0.type != "peer.identified" }.map { event in
        guard let from = event["from"], let to = event["to"] else { return event.type }
        return "\(event.type) \(from)>\(to) \(event["reason"] ?? "-")"
      }
    }
    #expect(
      story(first) == [
        "node.started", "listener.added", "peer.added", "peer.state_changed idle>connecting dial", "dial.started",
        "connection.state_changed connecting>connected -", "peer.state_changed connecting>connected -",
        "dial.attempt", "dial.ended",
        "connection.state_changed connected>disconnecting closed by the operator",
        "peer.state_changed connected>disconnecting closed by the operator",
        "connection.state_changed disconnecting>idle closed_locally",
        "peer.state_changed disconnecting>idle closed_locally",
      ])
    #expect(
      story(second) == [
        "node.started", "listener.added", "peer.added", "connection.state_changed connecting>connected -",
        "peer.state_changed idle>connected -", "connection.state_changed connected>idle closed_by_peer",
        "peer.state_changed connected>idle closed_by_peer",
      ])
    #expect(first.recorder.all.map(\.number) == Array(1...UInt64(first.recorder.all.count)))

    #expect(await first.host.connection(id) == nil)
    #expect(await !first.host.closeConnection(id, abort: true))
    let peer = try #require(await second.host.peer(first.peer))
    #expect(peer.flapCount == 1)
    #expect(peer.connectedAt == nil)
    #expect(await first.host.peer(second.peer)?.flapCount == 0)
  }

  @Test("a connection shows its figures, and a peer their sum")
  func figures() async throws {
    let (first, second, _) = try await Node.connectedPair()
    let info = try #require(await first.host.connections().first)
    #expect(info.direction == .outbound)
    #expect(info.localAddress == first.address)
    #expect(info.remoteAddress == second.address)
    #expect(info.handshake == .milliseconds(3))
    #expect(info.security.cipher == "AES-128-GCM")
    #expect(info.statistics?.rttSmoothed == .milliseconds(2))
    #expect(await first.host.connection(info.id)?.id == info.id)
    let peer = try #require(await first.host.peers().first)
    #expect(peer.bytesIn > 0 && peer.bytesOut > 0)
    #expect(peer.rtt == .milliseconds(2))
    #expect(peer.connections == [info.id])
    let node = await first.host.node()
    #expect(node.peersByState == [.connected: 1])
    #expect(node.connectionsByState == [.connected: 1])
    #expect(!node.draining)
    let counts = first.host.counters.snapshot()
    let kind = HostCounters.ConnectionKind(direction: .outbound, ipVersion: .ip4)
    #expect(counts.connectionsOpened == [kind: 1])
    #expect(counts.keyTypes == [.init(direction: .outbound, type: .ed25519): 1])
    let handshakes = try #require(counts.handshakeLatency[.ip4])
    #expect(counts.handshakeLatency.count == 1)
    #expect(handshakes.count == 1)
    #expect(abs(handshakes.sum - 0.003) < 1e-9)
    // 0.003 lies between 0.001·1.3⁴ and 0.001·1.3⁵.
    #expect(handshakes.counts[5] == 1)
    #expect(handshakes.bounds.count == 35)
    let dials = try #require(counts.dialLatency[.init(isConnected: true, addresses: 1)])
    #expect(counts.dialLatency.count == 1)
    #expect(dials.count == 1)
    #expect(counts.dialRankingDelay.count == 1)
    let traffic = node.traffic
    #expect(traffic.bytesIn > 0 && traffic.bytesOut > 0)
    await first.host.shutdown(timeout: .seconds(1))
    let after = first.host.counters.snapshot()
    #expect(after.connectionsClosed == [kind: 1])
    #expect(after.connectionDuration[kind]?.count == 1)
    #expect(after.connectionDuration[kind]?.bounds.count == 25)
    // What connections that are gone have moved still counts.
    #expect(await first.host.node().traffic.bytesOut >= traffic.bytesOut)
    #expect(await first.host.node().draining)
  }

  @Test("peers come in the order of their ids, and connections oldest first")
  func order() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    var others: [Node] = []
    for number in 2..<12 as Range<UInt8> {
      let other = try await Node.started(number, network)
      _ = await node.host.dial(peer: nil, addresses: [other.address], timeout: nil)
      others.append(other)
    }
    #expect(await node.host.connections().map(\.peerID) == others.map(\.peer))
    let ids = await node.host.peers().map(\.peerID.description)
    #expect(ids == others.map(\.peer.description).sorted())
  }

  @Test("pinned peers and the others are listed each by themselves, page by page, in the order of their ids")
  func pinned() async throws {
    let node = try await Node.started(1, MemoryNetwork())
    var ids: [Bool: [PeerID]] = [true: [], false: []]
    for number in 2..<10 as Range<UInt8> {
      let id = Node(number, MemoryNetwork()).peer
      // Of those in the address book every other one is pinned.
      _ = try await node.host.putPeer(id, addresses: [], name: nil, pinned: number % 2 == 0)
      ids[number % 2 == 0]?.append(id)
    }
    // One that is in no address book.
    let stranger = Node(11, MemoryNetwork()).peer
    _ = await node.host.dial(peer: stranger, addresses: [], timeout: nil)
    ids[false]?.append(stranger)
    for (isPinned, expected) in ids {
      var query = PeerQuery(limit: 3)
      query.pinned = [isPinned]
      let sorted = expected.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
      let first = await node.host.peers(query)
      #expect(first.items.map(\.peerID) == Array(sorted.prefix(3)))
      #expect(first.total == expected.count)
      query.after = first.next
      let second = await node.host.peers(query)
      #expect(second.items.map(\.peerID) == Array(sorted.dropFirst(3)))
      #expect(second.total == expected.count)
      #expect(second.next == nil)
    }
  }

  @Test("a graceful close waits for the streams of the connection, an abort does not", arguments: [false, true])
  func closing(abort: Bool) async throws {
    let clock = TestClock()
    let (first, second, _) = try await Node.connectedPair(clock: clock)
    let connection = try #require(await first.host.liveConnection(to: second.peer) as? MemoryConnection)
    while !connection.openStreams.isEmpty { await Task.yield() }
    let stream = try await ProtocolStream.open(on: connection, protocols: ["/ipfs/ping/1.0.0"])
    #expect(await first.host.closeConnection(connection.id, abort: abort))
    if abort {
      #expect(connection.isClosed)
    } else {
      await clock.sleeper(of: .milliseconds(20))
      #expect(!connection.isClosed)
      #expect(await first.host.connection(connection.id)?.state == .disconnecting)
      #expect(await first.host.peer(second.peer)?.state == .disconnecting)
      #expect(await first.host.liveConnection(to: second.peer) == nil)
      // Once more is no harm.
      #expect(await first.host.closeConnection(connection.id, abort: false))
      try await stream.conclude()
      while !connection.openStreams.isEmpty { await Task.yield() }
      clock.advance(by: .milliseconds(20))
    }
    await first.recorder.first("peer.state_changed", peer: second.peer, to: "idle")
  }

  @Test("a graceful close does not wait for ever, and an abort hurries it")
  func impatientClosing() async throws {
    let clock = TestClock()
    let (first, second, _) = try await Node.connectedPair(clock: clock)
    let connection = try #require(await first.host.liveConnection(to: second.peer) as? MemoryConnection)
    while !connection.openStreams.isEmpty { await Task.yield() }
    _ = try await ProtocolStream.open(on: connection, protocols: ["/ipfs/ping/1.0.0"])
    #expect(await first.host.disconnect(second.peer, reason: String(repeating: "é", count: 200)))
    await clock.sleeper(of: .milliseconds(20))
    clock.advance(by: .seconds(5))
    await second.recorder.first("peer.state_changed", peer: first.peer, to: "idle")
    let told = try #require(await second.host.peer(first.peer)?.lastDisconnect?.reason.detail)
    #expect(told.utf8.count <= 128 && told.hasPrefix("éé"))

    let again = await second.host.dial(peer: first.peer, addresses: [first.address], timeout: nil)
    let id = try #require(again.connection?.id)
    let live = try #require(await second.host.liveConnection(to: first.peer) as? MemoryConnection)
    _ = try await ProtocolStream.open(on: live, protocols: ["/ipfs/ping/1.0.0"])
    #expect(await second.host.closeConnection(id, abort: false))
    #expect(!live.isClosed)
    #expect(await second.host.closeConnection(id, abort: true))
    #expect(live.isClosed)
    #expect(await !first.host.disconnect(PeerID(publicKey: Node.key(9)) { _ in [] }, reason: "who?"))
  }

  @Test("listeners that failed, refused strangers and moved peers are told of")
  func transportNews() async throws {
    let network = MemoryNetwork()
    let broken = ListenerStatus(address: Node.address(200), error: "address in use")
    let node = Node(1, network, brokenListeners: [broken])
    try await node.host.start()
    #expect(await node.recorder.first("listener.failed")["error"] == "address in use")
    #expect(await node.host.node().listeners.count == 2)
    node.transport.tell(.inboundRefused(remoteAddress: Node.address(66), reason: "handshake_failed"))
    #expect(await node.recorder.first("peer.refused")["remote_address"] == "\(Node.address(66))")
    #expect(node.host.counters.snapshot().connectionsRefused == 1)
    node.transport.tell(.listenerFailed(ListenerStatus(address: Node.address(1), error: "interface gone")))
    await node.recorder.first { $0["error"] == "interface gone" }
    node.transport.tell(.listenerAdded(ListenerStatus(address: Node.address(201), error: nil)))
    await node.recorder.first { $0.type == "listener.added" && $0["address"] == "\(Node.address(201))" }

    let attacker = try await Attacker(2, against: node, network)
    let inbound = try #require(attacker.connection.peer)
    inbound.migrate(to: Node.address(67))
    let moved = await node.recorder.first("connection.path_changed", peer: attacker.transport.peer)
    #expect(moved["remote_address"] == "\(Node.address(67))")
    #expect(moved.connectionID == inbound.id)
  }

  @Test("one peer may hold only so many connections, and some more while two nodes dial each other")
  func perPeer() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let node = try await Node.started(1, network, clock: clock) { $0.limits.connections.perPeer = 2 }
    // It answers pings.
    let transport = try await Node.started(2, network).transport
    func connections() async -> Int { await node.host.peer(transport.peer)?.connections.count ?? 0 }
    for _ in 0..<6 { _ = try await transport.dialMemory(node.address) }
    #expect(try await eventually { await connections() == 6 })
    let seventh = try await transport.dialMemory(node.address)
    #expect(try await eventually { seventh.isClosed })
    for connection in transport.connections[..<4] { connection.close(code: 0, reason: "") }
    #expect(try await eventually { await connections() == 2 })
    #expect(try await clock.pass(atMost: .seconds(7)) { clock.now > .seconds(6) })
    let late = try await transport.dialMemory(node.address)
    #expect(try await eventually { late.isClosed })
    #expect(await node.recorder.first("limit.reached")["scope"] == "limits.connections_per_peer")
    #expect(await node.host.peers().count == 1)
  }

  @Test("the peer table forgets those unseen longest, never a connected one")
  func eviction() {
    var table = PeerTable(maximum: 64)
    func id(_ number: Int) -> PeerID {
      PeerID(publicKey: PublicKey(type: .ed25519, data: Array(repeating: UInt8(number), count: 32))) { _ in [] }
    }
    for number in 0..<64 { #expect(table.add(id(number), now: Int64(number)) == .added(forgotten: [])) }
    #expect(table.add(id(3), now: 100) == .known)
    _ = table[id(0)]?.connectionOpened("c-1", now: 0)
    table[id(1)]?.lastSeenAt = 1000
    #expect(table.add(id(64), now: 200) == .added(forgotten: [id(2)]))
    #expect(table.count == 64)
    #expect(table[id(0)] != nil && table[id(1)] != nil && table[id(2)] == nil)
  }

  @Test("a peer's addresses are bounded, and those that never worked go first")
  func addresses() {
    var record = PeerRecord(id: PeerID(publicKey: Node.key(1)) { _ in [] }, now: 0)
    for number in 0..<3 as Range<UInt8> { record.add(Node.address(number), source: "dial", maximum: 3) }
    record.tried(Node.address(0), at: 5, error: nil)
    record.tried(Node.address(9), at: 5, error: nil)
    record.add(Node.address(0).with(peerID: record.id), source: "identify", maximum: 3)
    record.add(Node.address(3), source: "identify", maximum: 3)
    #expect(record.addresses.map(\.address) == [0, 2, 3].map { Node.address($0) })
    for number in [0, 2, 3] as [UInt8] { record.tried(Node.address(number), at: 6, error: nil) }
    record.add(Node.address(4), source: "identify", maximum: 3)
    #expect(record.addresses.map(\.address) == [2, 3, 4].map { Node.address($0) })
  }

  @Test("observed addresses are counted by distinct peers and bounded")
  func observedAddresses() {
    func observer(_ number: Int) -> PeerID {
      let data = [UInt8(number >> 8), UInt8(number & 0xff)] + [UInt8](repeating: 0, count: 30)
      return PeerID(publicKey: PublicKey(type: .ed25519, data: data)) { _ in [] }
    }
    func address(_ number: Int) -> Multiaddr {
      Multiaddr(quic: IPEndpoint(address: [11, 0, UInt8(number >> 8), UInt8(number & 0xff)], port: 9000))
    }
    var observed = ObservedAddresses()
    #expect(observed.note(address(0), by: observer(0)) == 1)
    #expect(observed.note(address(0), by: observer(0)) == nil)
    #expect(observed.note(address(0), by: observer(1)) == nil)
    #expect(observed.counts.map(\.observers) == [2])
    // One peer's word counts for a few addresses only.
    for number in 1...10 { #expect(observed.note(address(number), by: observer(1)) == 1) }
    #expect(observed.counts.count == 5)
    #expect(observed.counts.first?.observers == 1)
    for number in 0..<300 { _ = observed.note(address(0), by: observer(1000 + number)) }
    #expect(observed.counts.first?.observers == ObservedAddresses.observersMax)
    // A crowd of liars does not displace what many say.
    for number in 100..<300 { _ = observed.note(address(number), by: observer(number)) }
    #expect(observed.counts.count == ObservedAddresses.addressesMax)
    #expect(observed.counts.first?.address == address(0))
  }

  @Test("a flood of news is cut at what can be done without")
  func inbox() async throws {
    let counters = HostCounters()
    let inbox = TransportInbox(counters: counters)
    let refused = TransportEvent.inboundRefused(remoteAddress: Node.address(1), reason: "x")
    #expect(inbox.put(refused))
    for _ in 1..<TransportInbox.waitingMax { #expect(!inbox.put(refused)) }
    #expect(!inbox.put(refused))
    let network = MemoryNetwork()
    let transport = Node.transport(1, network)
    try await transport.start { _ in }
    let other = Node.transport(2, network)
    try await other.start { _ in }
    let connection = try await transport.dialMemory(Node.address(2))
    #expect(!inbox.put(.opened(connection)))
    #expect(connection.isClosed)
    #expect(!inbox.put(.closed(connection, CloseReason("x", initiator: .none))))
    #expect(counters.snapshot().eventsDropped == 2)
    #expect(inbox.take().count == TransportInbox.waitingMax + 1)
    #expect(inbox.put(refused))
  }

  @Test("a stream that comes before its connection was entered in the books is served")
  func earlyStream() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    // Opened at once; the host may not have run yet.
    let stream = try attacker.open()
    let ping = Attacker.proposal("/ipfs/ping/1.0.0") + [UInt8](repeating: 3, count: 32)
    try await stream.write(ping, finish: true)
    #expect(try await Attacker.read(ping.count, from: stream) == ping)
  }
}
