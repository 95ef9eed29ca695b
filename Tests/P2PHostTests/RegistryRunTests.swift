import P2PCore
import Testing

@testable import HostTestKit
@testable import P2PHost

@Suite("The registry", .timeLimit(.minutes(1)))
struct RegistryRunTests {
  @Test(
    "agrees with itself and its events after thousands of dials, closes and losses", arguments: [1, 2, 3] as [UInt64])
  func run(seed: UInt64) async throws {
    var random = SeededGenerator(state: seed)
    let network = MemoryNetwork()
    let node = try await Node.started(1, network) { $0.limits.connections.perPeer = 0 }
    let others = (2..<10).map { Node.transport(UInt8($0), network) }
    for other in others { try await other.start { _ in } }
    for round in 0..<600 {
      let other = try #require(others.randomElement(using: &random))
      let live = other.connections.filter { !$0.isClosed }
      switch Int.random(in: 0..<7, using: &random) {
      case 0:
        _ = await node.host.dial(peer: other.peer, addresses: [Node.address(UInt8(other.key.data[0]))], timeout: nil)
      case 1: _ = await node.host.dial(peer: other.peer, addresses: [Node.address(99)], timeout: nil)
      case 2: _ = try await other.dialMemory(node.address)
      case 3: live.randomElement(using: &random)?.close(code: 7, reason: "seven")
      case 4: live.randomElement(using: &random)?.vanish()
      case 5: _ = await node.host.disconnect(other.peer, reason: "")
      default:
        if let id = await node.host.connections().randomElement(using: &random)?.id {
          _ = await node.host.closeConnection(id, abort: Bool.random(using: &random))
        }
      }
      if round % 20 == 0 { try await Self.check(node, "seed \(seed), round \(round)") }
    }
    for other in others { for connection in other.connections { connection.close(code: 0, reason: "") } }
    #expect(try await eventually { await node.host.connections().isEmpty })
    try await Self.check(node, "seed \(seed), end")
    // Every connection has one story: connected, perhaps disconnecting, then its end with a reason.
    var states: [String: String] = [:]
    for event in node.recorder.all where event.type == "connection.state_changed" {
      let id = try #require(event.connectionID)
      #expect(event["from"] == states[id] ?? "connecting")
      states[id] = event["to"]
      if event["to"] == "idle" || event["to"] == "failed" { #expect(event["reason"] != nil) }
    }
    #expect(states.values.allSatisfy { $0 == "idle" || $0 == "failed" })
    let history = await node.host.closedConnections()
    #expect(history.count == states.count)
    #expect(Set(history.map(\.connection.id)).count == history.count)
  }

  private static func check(_ node: Node, _ place: Comment) async throws {
    let host = node.host
    #expect(await host.isConsistent, place)
    let info = await host.node()
    #expect(info.connectionsByState.values.reduce(0, +) == info.connectionsByDirection.values.reduce(0, +), place)
  }

  @Test("the story of each peer is told without a gap")
  func peerStory() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let other = try await Node.started(2, network)
    for _ in 0..<20 {
      _ = await node.host.dial(peer: other.peer, addresses: [other.address], timeout: nil)
      _ = await node.host.dial(peer: other.peer, addresses: [Node.address(99)], timeout: nil)
      _ = await node.host.disconnect(other.peer, reason: "")
      #expect(try await eventually { await node.host.peer(other.peer)?.state == .idle })
    }
    var state = "idle"
    for event in node.recorder.all where event.type == "peer.state_changed" && event.peerID == other.peer {
      #expect(event["from"] == state)
      state = try #require(event["to"])
    }
    #expect(state == "idle")
  }

  @Test("a page of peers begins behind its cursor, counts all and says whether more follow")
  func pages() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let ids = (2..<32).map { Node.transport(UInt8($0), network).peer }
    for (index, id) in ids.enumerated() {
      _ = try await node.host.putPeer(id, addresses: [], name: nil, pinned: index % 3 == 0)
    }
    let sorted = ids.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    var query = PeerQuery(limit: 12)
    var seen: [PeerID] = []
    for expected in [12, 12, 6] {
      let page = await node.host.peers(query)
      #expect(page.total == 30)
      #expect(page.items.count == expected)
      seen += page.items.map(\.peerID)
      query.after = page.next
    }
    #expect(query.after == nil)
    #expect(seen == sorted)
    query.pinned = [true]
    let pinned = await node.host.peers(query)
    #expect(pinned.total == 10)
    #expect(pinned.items.count == 10 && pinned.items.allSatisfy(\.pinned))
    #expect(try await node.host.forgetPeer(sorted[0]))
    #expect(await node.host.peers(PeerQuery(limit: 1)).items.map(\.peerID) == [sorted[1]])
    #expect(await node.host.peers(PeerQuery(limit: 1)).total == 29)
    // A cursor may be of a peer that is gone.
    query = PeerQuery(limit: 1)
    query.after = sorted[0]
    #expect(await node.host.peers(query).items.map(\.peerID) == [sorted[1]])
  }

  @Test("pages of connections and of the history hold")
  func connectionPages() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network) { $0.limits.connections.perPeer = 0 }
    let (first, second) = (Node.transport(2, network), Node.transport(3, network))
    for other in [first, second] { try await other.start { _ in } }
    for _ in 0..<5 { _ = try await first.dialMemory(node.address) }
    _ = await node.host.dial(peer: second.peer, addresses: [Node.address(3)], timeout: nil)
    #expect(try await eventually { await node.host.connections().count == 6 })
    var query = ConnectionQuery(limit: 4)
    let page = await node.host.connections(query)
    #expect(page.total == 6 && page.items.count == 4)
    query.after = page.next
    let rest = await node.host.connections(query)
    #expect(rest.items.count == 2 && rest.next == nil)
    var ofOne = ConnectionQuery(limit: 10)
    ofOne.peers = [second.peer]
    #expect(await node.host.connections(ofOne).items.map(\.direction) == [.outbound])
    for connection in first.connections { connection.close(code: 0, reason: "") }
    #expect(try await eventually { await node.host.closedConnections().count == 5 })
    query = ConnectionQuery(limit: 3)
    let newest = await node.host.closedConnections(query)
    #expect(newest.total == 5 && newest.items.count == 3)
    query.after = newest.next
    let older = await node.host.closedConnections(query)
    #expect(older.total == 5 && older.items.count == 2 && older.next == nil)
    let all = await node.host.closedConnections().map(\.connection.id)
    #expect((newest.items + older.items).map(\.connection.id) == all)
    query.peers = [second.peer]
    #expect(await node.host.closedConnections(query).total == 0)
  }
}

extension Host {
  /// Counts, machines and tables say the same.
  fileprivate var isConsistent: Bool {
    self.drainInbox()
    let listed = self.peerTable.all.flatMap(\.connections)
    let isListed = Set(listed) == Set(self.connectionTable.keys) && listed.count == self.connectionTable.count
    let isCounted =
      self.connectionCounts.total == self.connectionTable.count
      && self.connectionCounts.inbound
        == self.connectionTable.values.count { $0.connection.direction == .inbound }
    return isListed && isCounted
      && self.peerTable.all.allSatisfy { record in
        let states = record.connections.compactMap { self.connectionTable[$0]?.lifecycle.state }
        let isDialled = self.dialOfPeer[record.id] != nil
        switch record.lifecycle.state {
        case .connected: return states.contains(.connected)
        case .connecting: return isDialled && !states.contains(.connected)
        case .disconnecting: return !states.isEmpty && !states.contains(.connected)
        case .idle, .failed: return states.isEmpty && !isDialled
        }
      }
  }
}
