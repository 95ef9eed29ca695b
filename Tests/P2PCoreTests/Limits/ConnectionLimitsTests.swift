import RandomInput
import Testing

@testable import P2PCore

@Suite("Limits of connections")
struct ConnectionLimitsTests {
  private static let limits = ConnectionLimits(
    total: 10, inbound: 6, outbound: 5, perPeer: 2, perIP: 3, perSubnet: 4)

  /// `count` inbound connections of different peers from different subnets.
  private static func filled(_ count: Int, _ direction: Direction = .inbound) throws -> ConnectionCounts {
    var counts = ConnectionCounts()
    for number in 0..<count {
      counts.opened(direction, peer: try testPeer(number), ip: [20, UInt8(number / 256), UInt8(number % 256), 1])
    }
    return counts
  }

  private static func refusal(
    _ counts: ConnectionCounts, _ direction: Direction = .inbound, peer: Int = 9_999, ip: String = "30.0.0.1",
    isPinned: Bool = false, under limits: ConnectionLimits = Self.limits
  ) throws -> LimitRefusal? {
    counts.refusal(direction, peer: try testPeer(peer), ip: try testIP(ip), isPinned: isPinned, under: limits)
  }

  @Test("inbound and outbound have limits of their own, and one together")
  func directions() throws {
    #expect(try Self.refusal(Self.filled(5)) == nil)
    let full = try Self.filled(6)
    let refusal = try #require(try Self.refusal(full))
    #expect(refusal.key == "limits.connections_inbound" && refusal.used == 6 && refusal.limit == 6)
    #expect(try Self.refusal(full, .outbound) == nil)
    #expect(try Self.refusal(Self.filled(5, .outbound), .outbound)?.key == "limits.connections_outbound")

    var both = full
    for number in 100..<104 { both.opened(.outbound, peer: try testPeer(number), ip: [40, 0, 0, 1]) }
    #expect(both.total == 10 && both.inbound == 6 && both.outbound == 4)
    let total = try #require(try Self.refusal(both, .outbound, isPinned: true))
    #expect(total.key == "limits.connections" && total.used == 10 && total.limit == 10)
    // One goes, and there is room again.
    both.closed(.outbound, peer: try testPeer(100), ip: [40, 0, 0, 1])
    #expect(try Self.refusal(both, .outbound) == nil)
  }

  @Test("a peer, an address and a subnet have limits, the latter two for inbound connections of others")
  func places() throws {
    var counts = ConnectionCounts()
    for number in [1, 1, 2] { counts.opened(.inbound, peer: try testPeer(number), ip: try testIP("30.0.0.1")) }
    #expect(try Self.refusal(counts, peer: 1, ip: "50.0.0.1")?.key == "limits.connections_per_peer")
    #expect(try Self.refusal(counts, .outbound, peer: 1, isPinned: true)?.key == "limits.connections_per_peer")
    #expect(try Self.refusal(counts, peer: 3, ip: "30.0.0.1")?.key == "limits.connections_per_ip")
    #expect(try Self.refusal(counts, peer: 3, ip: "::ffff:30.0.0.1")?.key == "limits.connections_per_ip")
    #expect(try Self.refusal(counts, peer: 3, ip: "30.0.0.1", isPinned: true) == nil)
    #expect(try Self.refusal(counts, .outbound, peer: 3, ip: "30.0.0.1") == nil)

    #expect(try Self.refusal(counts, peer: 3, ip: "30.0.0.2") == nil)
    counts.opened(.inbound, peer: try testPeer(3), ip: try testIP("30.0.0.2"))
    let subnet = try #require(try Self.refusal(counts, peer: 4, ip: "30.0.0.200"))
    #expect(subnet.key == "limits.connections_per_subnet" && subnet.used == 4)
    #expect(subnet.words.contains("30.0.0.0/24"))
    #expect(try Self.refusal(counts, peer: 4, ip: "30.0.1.1") == nil)
    #expect(try Self.refusal(counts, peer: 4, ip: "30.0.0.200", isPinned: true) == nil)
  }

  @Test("IPv6 customers are counted by /56")
  func subnetIPv6() throws {
    var counts = ConnectionCounts()
    for number in 0..<4 {
      counts.opened(.inbound, peer: try testPeer(number), ip: try testIP("2001:db8:0:\(number)::1"))
    }
    #expect(try Self.refusal(counts, ip: "2001:db8:0:ff::1")?.key == "limits.connections_per_subnet")
    #expect(try Self.refusal(counts, ip: "2001:db8:0:100::1") == nil)
  }

  @Test("loopback, outbound connections and transports without IP are not counted by address")
  func exempt() throws {
    var counts = ConnectionCounts()
    let unlimited = ConnectionLimits(total: 0, inbound: 0, outbound: 0, perPeer: 0, perIP: 1, perSubnet: 1)
    for number in 0..<20 {
      for ip in [[127, 0, 0, 1], [UInt8](repeating: 0, count: 15) + [1], [], [1, 2, 3]] as [[UInt8]] {
        let peer = try testPeer(number)
        #expect(counts.refusal(.inbound, peer: peer, ip: ip, isPinned: false, under: unlimited) == nil)
        counts.opened(.inbound, peer: peer, ip: ip)
      }
      counts.opened(.outbound, peer: try testPeer(number), ip: [30, 0, 0, 1])
    }
    #expect(try Self.refusal(counts, ip: "30.0.0.1", under: unlimited) == nil)
    #expect(try counts.connections(with: testPeer(0)) == 5)
    #expect(counts.counters == 20)
  }

  @Test("0 and less are no limit", arguments: [0, -1])
  func unlimited(limit: Int) throws {
    let limits = ConnectionLimits(
      total: limit, inbound: limit, outbound: limit, perPeer: limit, perIP: limit, perSubnet: limit)
    var counts = ConnectionCounts()
    for _ in 0..<1_000 { counts.opened(.inbound, peer: try testPeer(1), ip: [30, 0, 0, 1]) }
    #expect(try Self.refusal(counts, peer: 1, ip: "30.0.0.1", under: limits) == nil)
    #expect(try Self.refusal(counts, peer: 1, ip: "30.0.0.1", under: .unlimited) == nil)
  }

  @Test("a refusal names the limit, its value, what is used and the key that raises it")
  func words() throws {
    let refusal = try #require(try Self.refusal(Self.filled(6)))
    #expect(
      refusal.words
        == "6 inbound connections are open and limits.connections_inbound is 6; close some or raise limits.connections_inbound"
    )
    #expect(refusal.description == refusal.words)
  }

  @Test("random connections are counted as a list would count them, and nothing is left when they are gone")
  func random() throws {
    var generator = SplitMix64(seed: testSeed)
    var counts = ConnectionCounts()
    var open: [(direction: Direction, peer: PeerID, ip: [UInt8])] = []
    let peers = try (0..<20).map { try testPeer($0) }
    for _ in 0..<5_000 {
      if Int.random(in: 0..<100, using: &generator) < (open.count < 100 ? 60 : 40) {
        let direction: Direction = Bool.random(using: &generator) ? .inbound : .outbound
        let ip: [UInt8] = [
          30, 0, UInt8.random(in: 0...3, using: &generator), UInt8.random(in: 0...3, using: &generator),
        ]
        let peer = peers[Int.random(in: 0..<20, using: &generator)]
        counts.opened(direction, peer: peer, ip: ip)
        open.append((direction, peer, ip))
      } else if let index = open.indices.randomElement(using: &generator) {
        let gone = open.remove(at: index)
        counts.closed(gone.direction, peer: gone.peer, ip: gone.ip)
      }
      let inbound = open.filter { $0.direction == .inbound }
      #expect(counts.total == open.count && counts.inbound == inbound.count, "seed \(testSeed)")
      let counters = Set(open.map(\.peer)).count + Set(inbound.map(\.ip)).count + Set(inbound.map { $0.ip[2] }).count
      #expect(counts.counters == counters, "seed \(testSeed)")
      guard let some = open.randomElement(using: &generator) else { continue }
      let limits = ConnectionLimits(total: 0, inbound: 0, outbound: 0, perPeer: 0, perIP: 1, perSubnet: 0)
      let refusal = counts.refusal(.inbound, peer: some.peer, ip: some.ip, isPinned: false, under: limits)
      let used = inbound.count { $0.ip == some.ip }
      #expect(refusal?.used == (used > 0 ? used : nil), "seed \(testSeed)")
    }
    for gone in open { counts.closed(gone.direction, peer: gone.peer, ip: gone.ip) }
    #expect(counts == ConnectionCounts())
  }

  @Test(
    "derived limits hold two connections of each pinned member, whatever the way", arguments: [0, 1, 2, 16, 64, 512])
  func derived(size: Int) throws {
    let limits = ConnectionLimits.derived(fromFederationSize: size)
    for directions in [[Direction.inbound, .inbound], [.outbound, .outbound], [.inbound, .outbound]] {
      var counts = ConnectionCounts()
      for member in 0..<size {
        for direction in directions {
          // All of them behind one address.
          let refusal = try Self.refusal(counts, direction, peer: member, isPinned: true, under: limits)
          #expect(refusal == nil)
          counts.opened(direction, peer: try testPeer(member), ip: try testIP("30.0.0.1"))
        }
      }
    }
  }

  @Test("guests that take every inbound place leave room to dial each member", arguments: [1, 16, 64, 512])
  func guests(size: Int) throws {
    let limits = ConnectionLimits.derived(fromFederationSize: size)
    var counts = ConnectionCounts()
    var guest = 1_000_000
    while try Self.refusal(counts, peer: guest, ip: "60.\(guest >> 8 & 0xFF).\(guest & 0xFF).1", under: limits) == nil {
      counts.opened(
        .inbound, peer: try testPeer(guest), ip: [60, UInt8(guest >> 8 & 0xFF), UInt8(guest & 0xFF), 1])
      guest += 1
    }
    #expect(counts.inbound == limits.inbound)
    for member in 0..<size {
      #expect(try Self.refusal(counts, .outbound, peer: member, isPinned: true, under: limits) == nil)
      counts.opened(.outbound, peer: try testPeer(member), ip: [30, 0, 0, 1])
    }
  }

  @Test("no size that a configuration may hold overflows", arguments: [Int.min, -1, Int.max])
  func absurd(size: Int) {
    let limits = ConnectionLimits.derived(fromFederationSize: size)
    #expect(limits.total > 0 && limits.inbound > 0 && limits.outbound > 0 && limits.perSubnet > 0)
  }
}
