import Testing

@testable import LinuxIO

@Suite struct NetlinkNewsTests {
  /// A message of linux/netlink.h, filled up to a multiple of four bytes.
  static func message(_ type: UInt16, _ body: [UInt8] = [UInt8](repeating: 0, count: 16)) -> [UInt8] {
    var bytes: [UInt8] = []
    withUnsafeBytes(of: UInt32(16 + body.count)) { bytes += $0 }
    withUnsafeBytes(of: type) { bytes += $0 }
    bytes += [UInt8](repeating: 0, count: 10) + body
    return bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4)
  }

  /// An `rtmsg`.
  static func route(table: UInt8 = 254, type: UInt8 = 1, flags: UInt32 = 0) -> [UInt8] {
    var bytes: [UInt8] = [2, 0, 0, 0, table, 3, 0, type]
    withUnsafeBytes(of: flags) { bytes += $0 }
    return bytes
  }

  static func news(_ bytes: [UInt8]) -> NetlinkNews { bytes.withUnsafeBytes { NetlinkNews(messages: $0) } }

  @Test(
    "links, addresses and routes are news; neighbours, rules and what netlink says of itself are none",
    arguments: [
      (16, NetlinkNews.interfaces), (17, .interfaces), (20, .interfaces), (21, .interfaces), (4, .lost),
      (28, []), (29, []), (32, []), (1, []), (2, []), (3, []), (68, []), (65_535, []),
    ] as [(UInt16, NetlinkNews)])
  func types(type: UInt16, expected: NetlinkNews) {
    #expect(Self.news(Self.message(type)) == expected)
  }

  @Test("a route counts unless it is local, multicast or of the route cache")
  func routes() {
    for type: UInt16 in [24, 25] {
      func news(_ route: [UInt8]) -> NetlinkNews { Self.news(Self.message(type, route)) }
      #expect(news(Self.route()) == .routes)
      #expect(news(Self.route(table: 252)) == .routes)
      #expect(news(Self.route(type: 7)) == .routes)
      #expect(news(Self.route(table: 255, type: 2)) == [])
      #expect(news(Self.route(table: 255)) == [])
      #expect(news(Self.route(type: 5)) == [])
      #expect(news(Self.route(flags: 0x200)) == [])
      #expect(news([2, 0, 0]) == .lost)
    }
  }

  @Test("a train is the sum of its messages, whatever their lengths")
  func trains() {
    let train = Self.message(28, [1]) + Self.message(20, [1, 2, 3, 4, 5]) + Self.message(24, Self.route())
    #expect(Self.news(train) == [.interfaces, .routes])
    #expect(Self.news([]) == [])
    // The last message need not be filled up.
    #expect(Self.news(Self.message(28) + Array(Self.message(20, [1, 2, 3, 4, 5]).prefix(21))) == .interfaces)
  }

  @Test("a message that is cut off anywhere counts as lost, and what stands before it as told")
  func truncated() {
    let whole = Self.message(16)
    let second = Self.message(24, Self.route())
    for length in 1..<second.count {
      let news = Self.news(whole + second.prefix(length))
      #expect(news == [.interfaces, .lost], "\(length) bytes")
    }
  }

  @Test("lengths that lie are no trap", arguments: [0, 1, 15, 33, 0xFFFF_FFFF] as [UInt32])
  func lyingLengths(length: UInt32) {
    var bytes = Self.message(16)
    withUnsafeBytes(of: length) { bytes.replaceSubrange(0..<4, with: $0) }
    #expect(Self.news(bytes) == .lost)
  }

  @Test("random bytes are no trap")
  func random() {
    let seed = UInt64.random(in: 0 ... .max)
    var state = seed
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    for _ in 0..<20_000 {
      var bytes = (0..<Int(next() % 96)).map { _ in UInt8(truncatingIfNeeded: next()) }
      // Mostly a length that may be true, or nothing else is ever reached.
      if bytes.count >= 4, next() % 8 != 0 {
        withUnsafeBytes(of: UInt32(next() % 64)) { bytes.replaceSubrange(0..<4, with: $0) }
      }
      let news = Self.news(bytes)
      #expect(news.rawValue < 8, "seed \(seed)")
    }
  }
}
