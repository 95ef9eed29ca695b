import P2PCore
import Synchronization
import Testing

@testable import HostTestKit
@testable import P2PHost

@Suite("The address book", .timeLimit(.minutes(1)))
struct BookTests {
  /// What was saved.
  private final class Shelf: Sendable {
    private let state = Mutex<[BookSnapshot]>([])
    private let fails: Bool
    init(fails: Bool = false) { self.fails = fails }

    var last: BookSnapshot? { self.state.withLock { $0.last } }

    var saver: BookSaver {
      { snapshot in
        if self.fails { throw DeadlinePassed() }
        self.state.withLock { $0.append(snapshot) }
      }
    }
  }

  @Test("a peer is put, changed, kept for the next start and deleted")
  func life() async throws {
    let (network, shelf) = (MemoryNetwork(), Shelf())
    let node = Node(1, network, saveBook: shelf.saver)
    try await node.host.start()
    let other = try await Node.started(2, network)
    let (info, isNew) = try await node.host.putPeer(
      other.peer, addresses: [other.address.with(peerID: other.peer)], name: "two", pinned: false)
    #expect(isNew)
    #expect(info.addresses.map(\.address) == [other.address])
    #expect(info.addresses.map(\.source) == ["api"])
    #expect(!info.pinned)
    #expect(network.dials.isEmpty)
    // What is left out stays.
    let (changed, isNewAgain) = try await node.host.putPeer(other.peer, addresses: nil, name: nil, pinned: true)
    #expect(!isNewAgain)
    #expect(changed.name == "two")
    #expect(changed.pinned)
    await node.recorder.first("peer.identified", peer: other.peer)
    let entry = BookEntry(
      peerID: other.peer, name: "two", pinned: true, addresses: [other.address], source: .api)
    #expect(shelf.last == BookSnapshot(revision: 2, peers: [entry], blocks: []))
    #expect(await node.host.node().quorum.required == 1)
    #expect(try await node.host.forgetPeer(other.peer))
    #expect(await node.host.node().quorum.required == 0)
    #expect(shelf.last?.peers == [])
    #expect(await node.host.peer(other.peer) == nil)
    await node.recorder.first("peer.removed", peer: other.peer)
    await other.recorder.first("peer.state_changed", peer: node.peer, to: "idle")
    #expect(try await node.host.forgetPeer(other.peer) == false)
    // It may come back by itself, as anyone.
    _ = await other.host.dial(peer: node.peer, addresses: [node.address], timeout: nil)
    await node.recorder.first { $0.type == "connection.state_changed" && $0["direction"] == "inbound" }
    #expect(await node.host.peer(other.peer)?.pinned == false)
  }

  @Test("what is loaded is dialled, and what the configuration names cannot be deleted")
  func configured() async throws {
    let network = MemoryNetwork()
    let other = try await Node.started(2, network)
    let node = Node(1, network)
    let entry = BookEntry(peerID: other.peer, name: "two", pinned: true, addresses: [other.address], source: .config)
    await node.host.load([entry], blocks: [])
    try await node.host.start()
    await node.recorder.first("peer.identified", peer: other.peer)
    await #expect(throws: BookError.configured(other.peer)) { _ = try await node.host.forgetPeer(other.peer) }
    #expect(await node.host.node().pinned == PinnedCounts(total: 1, connected: 1))
  }

  @Test(
    "a configuration that has changed moves nobody who stays; who is no longer named stays where the policy allows it",
    arguments: Gate.Policy.allCases)
  func reconfigured(policy: Gate.Policy) async throws {
    let network = MemoryNetwork()
    let others = [
      try await Node.started(2, network), try await Node.started(3, network), try await Node.started(4, network),
    ]
    func entry(_ index: Int, name: String? = nil) -> BookEntry {
      BookEntry(
        peerID: others[index].peer, name: name, pinned: true, addresses: [others[index].address], source: .config)
    }
    let node = Node(1, network, configure: { $0.policy = policy })
    await node.host.load([entry(0), entry(1)], blocks: [])
    try await node.host.start()
    for other in others[..<2] { await node.recorder.first("peer.identified", peer: other.peer) }
    let before = await node.host.peer(others[0].peer)?.connections
    await node.host.configure([entry(0), entry(2, name: "four")])
    await node.recorder.first("peer.identified", peer: others[2].peer)
    #expect(await node.host.peer(others[0].peer)?.connections == before)
    #expect(await node.host.peer(others[2].peer)?.name == "four")
    if policy == .allowlist {
      await others[1].recorder.first("peer.state_changed", peer: node.peer, to: "idle")
      #expect(await node.host.peer(others[1].peer) == nil)
    } else {
      let left = await node.host.peer(others[1].peer)
      #expect(left?.pinned == false)
      #expect(left?.state == .connected)
    }
    #expect(await node.host.node().pinned.total == 2)
    // A new name alone moves nobody either.
    await node.host.configure([entry(0, name: "two"), entry(2, name: "four")])
    #expect(await node.host.peer(others[0].peer)?.name == "two")
    #expect(await node.host.peer(others[0].peer)?.connections == before)
    await node.host.configure([])
    #expect(await node.host.node().pinned.total == 0)
  }

  @Test("refuses itself, foreign transports and more peers than it holds")
  func refusals() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network) { $0.limits.bookMax = 1 }
    await #expect(throws: BookError.isSelf) {
      _ = try await node.host.putPeer(node.peer, addresses: [], name: nil, pinned: nil)
    }
    let tcp = try Multiaddr("/ip4/10.0.0.2/tcp/9000")
    let other = Node.transport(2, network).peer
    do {
      _ = try await node.host.putPeer(other, addresses: [tcp], name: nil, pinned: nil)
      Issue.record("TCP was taken")
    } catch {
      guard case .address(let why) = error else { throw error }
      #expect(why.class == .unsupportedTransport)
    }
    #expect(await node.host.peer(other) == nil)
    _ = try await node.host.putPeer(other, addresses: [], name: nil, pinned: nil)
    do {
      _ = try await node.host.putPeer(Node.transport(3, network).peer, addresses: [], name: nil, pinned: nil)
      Issue.record("there was no limit")
    } catch {
      #expect(error.description.contains("holds 1 peers"))
    }
  }

  @Test("says when a change could not be written, which is in force all the same")
  func unwritable() async throws {
    let (network, shelf) = (MemoryNetwork(), Shelf(fails: true))
    let node = Node(1, network, saveBook: shelf.saver)
    try await node.host.start()
    let other = Node.transport(2, network).peer
    await #expect(throws: BookError.notSaved("timed out")) {
      _ = try await node.host.putPeer(other, addresses: [Node.address(2)], name: nil, pinned: false)
    }
    #expect(await node.host.peer(other)?.addresses.map(\.address) == [Node.address(2)])
  }

  @Test("addresses of the book are never displaced by what others tell")
  func addresses() {
    var record = PeerRecord(id: PeerID(publicKey: Node.key(2)) { _ in [] }, now: 1)
    record.add(Node.address(3), source: "identify", maximum: 2)
    record.setBook([Node.address(4), Node.address(5)], source: .api)
    #expect(record.addresses.map(\.address) == [Node.address(4), Node.address(5), Node.address(3)])
    record.add(Node.address(6), source: "identify", maximum: 2)
    #expect(record.addresses.map(\.address) == [Node.address(4), Node.address(5), Node.address(6)])
    record.tried(Node.address(4), at: 7, error: nil)
    record.setBook([Node.address(4)], source: .api)
    #expect(record.addresses.map(\.address) == [Node.address(4), Node.address(6)])
    #expect(record.addresses.first?.lastSuccessAt == 7)
  }
}
