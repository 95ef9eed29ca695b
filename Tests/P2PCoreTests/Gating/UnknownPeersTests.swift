import Testing

@testable import P2PCore

@Suite("Unknown peers")
struct UnknownPeersTests {
  private static func address(_ port: Int) throws -> Multiaddr { try Multiaddr("/ip4/192.0.2.1/udp/\(port)/quic-v1") }

  @Test("a peer that knocks again moves to the front with its count")
  func again() throws {
    var unknown = UnknownPeers()
    #expect(unknown.entries.isEmpty)
    let first = try testPeer(1)
    let second = try testPeer(2)
    unknown.note(first, address: try Self.address(1), now: 100)
    unknown.note(second, address: try Self.address(2), now: 200)
    #expect(unknown.entries.map(\.peer) == [second, first])
    // The wall clock was set back.
    unknown.note(first, address: try Self.address(3), now: 50)
    let entry = try #require(unknown.entries.first)
    #expect(entry.peer == first && entry.count == 2 && entry.firstSeenAt == 100 && entry.lastSeenAt == 50)
    #expect(try entry.address == Self.address(3))
    let removed = [unknown.remove(first), unknown.remove(first)]
    #expect(removed == [true, false])
    #expect(unknown.entries.map(\.peer) == [second])
  }

  @Test("the table is bounded: the one that knocked longest ago goes")
  func bounded() throws {
    var unknown = UnknownPeers()
    let address = try Self.address(1)
    for number in 0..<UnknownPeers.countMaximum { unknown.note(try testPeer(number), address: address, now: 1) }
    unknown.note(try testPeer(0), address: address, now: 2)
    unknown.note(try testPeer(1_000), address: address, now: 3)
    #expect(unknown.count == UnknownPeers.countMaximum)
    let peers = unknown.entries.map(\.peer)
    #expect(try peers.prefix(2) == [testPeer(1_000), testPeer(0)])
    #expect(try !peers.contains(testPeer(1)))
    #expect(try peers.contains(testPeer(2)))
  }
}
