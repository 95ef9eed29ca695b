import Foundation
import P2PCore
import Synchronization
import Testing

@testable import fednode

@Suite struct ResolverTests {
  private static let name = "node.example.org"

  /// A clock that a test moves.
  private final class TestTime: Sendable {
    private let seconds = Atomic<Int>(0)
    @Sendable func now() -> Duration { .seconds(self.seconds.load(ordering: .relaxed)) }
    func advance(seconds: Int) { self.seconds.add(seconds, ordering: .relaxed) }
  }

  private static func failure(_ body: () async throws -> Any) async -> String? {
    do {
      _ = try await body()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test("All addresses of a name are found, of the family that is asked for")
  func families() async throws {
    let server = try DNSServer([Self.name: [.a(1), .a(2), .aaaa(3), .a(1)]])
    let resolver = Resolver(servers: [server.address])
    #expect(try await resolver.addresses(of: Self.name, .ipv4) == [[192, 0, 2, 1], [192, 0, 2, 2]])
    #expect(try await resolver.addresses(of: Self.name, .ipv6).map(\.last) == [3])
    #expect(Set(try await resolver.addresses(of: Self.name, .any).map(\.last)) == [1, 2, 3])
  }

  @Test("An answer is kept as long as its shortest TTL, and no longer")
  func timeToLive() async throws {
    let server = try DNSServer([Self.name: [.a(1, ttl: 300), .a(2, ttl: 60)], "other.example.org": [.a(3, ttl: 0)]])
    let time = TestTime()
    let resolver = Resolver(servers: [server.address], now: time.now)
    let first = try await resolver.addresses(of: Self.name, .ipv4)
    time.advance(seconds: 59)
    #expect(try await resolver.addresses(of: Self.name, .ipv4) == first)
    #expect(server.queries.count == 1)
    time.advance(seconds: 1)
    #expect(try await resolver.addresses(of: Self.name, .ipv4) == first)
    #expect(server.queries.count == 2)
    for _ in 0..<2 { _ = try await resolver.addresses(of: "other.example.org", .ipv4) }
    #expect(server.queries.count == 4)
  }

  @Test("An alias that lives shorter than the address it leads to counts")
  func aliases() async throws {
    let target = DNSServer.Record(
      type: DNSServer.Record.a, ttl: 3_600, data: [192, 0, 2, 9], name: "host.example.org")
    let server = try DNSServer([Self.name: [.cname("host.example.org", ttl: 30), target]])
    let time = TestTime()
    let resolver = Resolver(servers: [server.address], now: time.now)
    #expect(try await resolver.addresses(of: Self.name, .ipv4) == [[192, 0, 2, 9]])
    time.advance(seconds: 30)
    _ = try await resolver.addresses(of: Self.name, .ipv4)
    #expect(server.queries.count == 2)
  }

  @Test("A failure says why and is not kept")
  func failures() async throws {
    let server = try DNSServer { query in
      switch query.name {
      case "empty.example.org": [query.reply()]
      case "broken.example.org": [query.reply(code: 2)]
      default: [query.reply(code: 3)]
      }
    }
    let resolver = Resolver(servers: [server.address], timeout: .milliseconds(600))
    for (name, words) in [
      ("none.example.org", "not found"), ("empty.example.org", "no data"), ("broken.example.org", "server"),
    ] {
      let error = await Self.failure { try await resolver.addresses(of: name, .ipv4) }
      #expect(error?.hasPrefix("\(name): ") == true)
      #expect(error?.lowercased().contains(words) == true, "\(error ?? "none")")
    }
    let before = server.queries.count
    _ = await Self.failure { try await resolver.addresses(of: "none.example.org", .ipv4) }
    #expect(server.queries.count > before)
  }

  @Test("A silent server costs the timeout and no more")
  func silence() async throws {
    let server = try DNSServer { _ in [] }
    let resolver = Resolver(servers: [server.address], timeout: .milliseconds(400))
    let start = ContinuousClock.now
    let error = await Self.failure { try await resolver.addresses(of: Self.name, .any) }
    #expect(error?.contains("\(Self.name): ") == true)
    #expect(error?.lowercased().contains("time") == true, "\(error ?? "none")")
    #expect(ContinuousClock.now - start < .seconds(3))
    #expect(await Self.failure { try await resolver.texts(of: Self.name) } != nil)
  }

  @Test("Where one server is dead the next is asked")
  func secondServer() async throws {
    let server = try DNSServer([Self.name: [.a(1)]])
    let dead = try DNSServer { _ in [] }
    let resolver = Resolver(servers: [dead.address, server.address], timeout: .milliseconds(1_500))
    #expect(try await resolver.addresses(of: Self.name, .ipv4) == [[192, 0, 2, 1]])
    #expect(dead.queries == [Self.name])
  }

  @Test("Texts are whole, whatever strings they consist of, and too long ones are left out")
  func texts() async throws {
    let long = [String](repeating: String(repeating: "x", count: 255), count: 5)
    let server = try DNSServer([
      "_dnsaddr.example.org": [.txt(["dnsaddr=/ip4/192.0.2.1", "/udp/1/quic-v1"]), .txt(long), .txt(["second"])],
      "many.example.org": (0..<150).map { .txt(["text \($0)"]) },
    ])
    let resolver = Resolver(servers: [server.address])
    #expect(
      try await resolver.texts(of: "_dnsaddr.example.org") == ["dnsaddr=/ip4/192.0.2.1/udp/1/quic-v1", "second"])
    #expect(try await resolver.texts(of: "many.example.org").count == Resolver.answersMax)
    let error = await Self.failure { try await resolver.texts(of: "none.example.org") }
    #expect(error?.contains("not found") == true, "\(error ?? "none")")
  }

  @Test("A truncated answer is asked for again over TCP, and a large one is cut off")
  func large() async throws {
    let server = try DNSServer { query in
      let records = (0..<400).map { number in
        DNSServer.Record(type: DNSServer.Record.a, ttl: 60, data: [10, 0, UInt8(number / 256), UInt8(number % 256)])
      }
      return query.isTCP ? [query.reply(records)] : [query.reply(isTruncated: true)]
    }
    let resolver = Resolver(servers: [server.address])
    #expect(try await resolver.addresses(of: Self.name, .ipv4).count == Resolver.answersMax)
    #expect(server.queries.count == 2)
  }

  @Test("What a hostile server answers is an error or ignored", arguments: 0..<6)
  func hostile(kind: Int) async throws {
    let server = try DNSServer { query in
      let good = query.reply([.a(66), .txt(["bad"])])
      switch kind {
      case 0: return [Array(good.dropLast(3))]  // cut off
      case 1: return [[good[0] ^ 1] + good.dropFirst()]  // another id
      case 2: return [query.bytes]  // no answer at all
      case 3: return [[], [0], [UInt8](repeating: 0xff, count: 60_000)]
      case 4:  // a name that points to itself
        let loop = UInt8(query.bytes.count)
        return [
          query.reply([]).enumerated().map { $0 == 7 ? 1 : $1 } + [
            0xc0, loop, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 1, 2, 3, 4,
          ]
        ]
      default:  // more records than there are
        return [good.enumerated().map { $0 == 7 ? 200 : $1 }]
      }
    }
    let resolver = Resolver(servers: [server.address], timeout: .milliseconds(300))
    #expect(await Self.failure { try await resolver.addresses(of: Self.name, .ipv4) } != nil)
    #expect(await Self.failure { try await resolver.texts(of: Self.name) } != nil)
  }

  @Test("More look-ups than there is room for fail at once, and there is room again afterwards")
  func bounded() async throws {
    let server = try DNSServer { query in query.name == Self.name ? [query.reply([.a(1)])] : [] }
    let resolver = Resolver(servers: [server.address], timeout: .milliseconds(900))
    let errors = await withTaskGroup(of: String?.self) { group in
      for number in 0..<(Resolver.lookupsMax + 5) {
        group.addTask { await Self.failure { try await resolver.addresses(of: "n\(number).example.org", .ipv4) } }
      }
      return await group.reduce(into: []) { $0.append($1 ?? "") }
    }
    #expect(errors.count { $0.contains("are being looked up already") } == 5)
    #expect(try await resolver.addresses(of: Self.name, .ipv4) == [[192, 0, 2, 1]])
  }

  @Test("Who gives up does not wait")
  func cancelled() async throws {
    let server = try DNSServer { _ in [] }
    let resolver = Resolver(servers: [server.address], timeout: .seconds(5))
    let start = ContinuousClock.now
    let task = Task { await Self.failure { try await resolver.addresses(of: Self.name, .ipv4) } }
    while server.queries.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    task.cancel()
    #expect(await task.value?.contains("given up") == true)
    #expect(ContinuousClock.now - start < .seconds(3))
  }

  @Test(
    "What names a server",
    arguments: [
      ("192.0.2.53", true), ("192.0.2.53:5353", true), ("[2001:db8::53]:5353", true), ("2001:db8::53", true),
      ("", false), ("dns.example.org", false), ("192.0.2.53,192.0.2.54", false), ("192.0.2.256", false),
    ])
  func servers(text: String, isGood: Bool) {
    #expect(Resolver.isServer(text) == isGood)
  }

  @Test("The cache has a bound, keeps what is alive when something expired, and caps the TTL")
  func cache() {
    var cache = ResolverCache()
    for number in 0..<ResolverCache.namesMax {
      cache.keep([[1]], of: "\(number)", .any, ttl: number == 0 ? .max / 2 : 10, now: .zero)
    }
    #expect(cache.count == ResolverCache.namesMax)
    #expect(cache.addresses(of: "0", .any, now: .seconds(3_599)) == [[1]])
    #expect(cache.addresses(of: "0", .any, now: .seconds(3_600)) == nil)
    #expect(cache.addresses(of: "0", .ipv4, now: .zero) == nil)
    cache.keep([[2]], of: "new", .any, ttl: 10, now: .seconds(10))
    #expect(cache.count == 2)
    for number in 0...ResolverCache.namesMax { cache.keep([[3]], of: "x\(number)", .any, ttl: 10, now: .seconds(10)) }
    #expect(cache.count <= ResolverCache.namesMax)
  }
}
