import Testing

@testable import P2PCore

@Suite("Order of dials to one peer")
struct DialRankingTests {
  private static let peer = "/p2p/12D3KooWGbSz9Ju35fygHtowdHXs9WXCMWG5EUuTq9eR3v3eCaLS"

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let addresses: [String]
    var worked: Set<String> = []
    /// Address and milliseconds.
    let ranked: [(String, Int)]
  }

  private static func quic(_ address: String, _ port: Int = 9000) -> String {
    (address.contains(":") ? "/ip6/" : "/ip4/") + address + "/udp/" + String(port) + "/quic-v1"
  }

  private static let cases: [Case] = [
    Case(testDescription: "none", addresses: [], ranked: []),
    Case(testDescription: "one", addresses: [quic("192.0.2.1")], ranked: [(quic("192.0.2.1"), 0)]),
    Case(
      testDescription: "IPv6 first, soon IPv4, then the rest one by one, low ports first",
      addresses: [
        quic("192.0.2.1", 9001), quic("192.0.2.1", 9000), quic("2001:db8::1", 9001), quic("2001:db8::1", 9000),
      ],
      ranked: [
        (quic("2001:db8::1", 9000), 0), (quic("192.0.2.1", 9000), 250), (quic("2001:db8::1", 9001), 500),
        (quic("192.0.2.1", 9001), 750),
      ]),
    Case(
      testDescription: "one family alone is staggered too",
      addresses: [quic("192.0.2.3"), quic("192.0.2.1"), quic("192.0.2.2")],
      ranked: [(quic("192.0.2.3"), 0), (quic("192.0.2.1"), 250), (quic("192.0.2.2"), 500)]),
    Case(
      testDescription: "private and public side by side",
      addresses: [
        quic("192.0.2.1"), quic("2001:db8::1"), quic("10.0.0.1"), quic("fd00::1"), quic("127.0.0.1"),
        quic("100.64.0.1"),
      ],
      ranked: [
        (quic("fd00::1"), 0), (quic("2001:db8::1"), 0), (quic("10.0.0.1"), 30), (quic("127.0.0.1"), 60),
        (quic("100.64.0.1"), 90), (quic("192.0.2.1"), 250),
      ]),
    Case(
      testDescription: "what worked last time comes first, the other family still second",
      addresses: [quic("2001:db8::1"), quic("2001:db8::2"), quic("192.0.2.1"), quic("192.0.2.2")],
      worked: [quic("192.0.2.1"), quic("192.0.2.2")],
      ranked: [
        (quic("192.0.2.1"), 0), (quic("2001:db8::1"), 250), (quic("192.0.2.2"), 500), (quic("2001:db8::2"), 750),
      ]),
    Case(
      testDescription: "the same address is dialled once, with or without its peer",
      addresses: [quic("192.0.2.1") + peer, quic("192.0.2.1"), quic("192.0.2.2"), quic("192.0.2.2")],
      ranked: [(quic("192.0.2.1") + peer, 0), (quic("192.0.2.2"), 250)]),
    Case(
      testDescription: "a name that nobody resolved starts at once, a zone is no hindrance",
      addresses: ["/dns4/a.example/udp/1/quic-v1", "/ip6zone/eth0/ip6/fe80::1/udp/1/quic-v1", quic("10.0.0.1")],
      ranked: [
        ("/dns4/a.example/udp/1/quic-v1", 0), ("/ip6zone/eth0/ip6/fe80::1/udp/1/quic-v1", 0), (quic("10.0.0.1"), 30),
      ]),
  ]

  @Test("addresses are ranked", arguments: Self.cases)
  func rank(given: Case) throws {
    let addresses = try given.addresses.map { try Multiaddr($0) }
    let ranked = DialRanking.rank(addresses) { given.worked.contains($0.description) }
    #expect(ranked.map(\.address.description) == given.ranked.map(\.0))
    #expect(ranked.map(\.delay) == given.ranked.map { .milliseconds($0.1) })
  }

  @Test("every address gets a turn before the dial is over, and the order never varies")
  func many() throws {
    let addresses = try (0..<100).map { try Multiaddr(Self.quic("192.0.2.\($0)")) }
    let ranked = DialRanking.rank(addresses) { _ in false }
    #expect(ranked.count == 100)
    #expect(ranked.map(\.address) == addresses)
    #expect(ranked.last?.delay == DialRanking.delayMaximum)
    #expect(DialRanking.rank(addresses) { _ in false } == ranked)
    #expect(DialRanking.rank(ranked.map(\.address)) { _ in true }.map(\.address) == addresses)
  }
}
