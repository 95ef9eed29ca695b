import RandomInput
import Testing

@testable import P2PCore

@Suite("Blocklist")
struct BlocklistTests {
  private static let peer = "12D3KooWGbSz9Ju35fygHtowdHXs9WXCMWG5EUuTq9eR3v3eCaLS"

  @Test(
    "entries are read and written canonically",
    arguments: [
      (peer, peer), ("10.0.0.1", "10.0.0.1"), ("10.0.0.1/32", "10.0.0.1"), ("10.0.0.0/8", "10.0.0.0/8"),
      ("0.0.0.0/0", "0.0.0.0/0"), ("::/0", "::/0"), ("2001:DB8::/32", "2001:db8::/32"),
      ("2001:db8:0:0::1", "2001:db8::1"), ("2001:db8::1/128", "2001:db8::1"),
      ("QmQFXMrAZCKScdTkbDuhqrhejBy1gdjZXM846QAhPibnhr", "QmQFXMrAZCKScdTkbDuhqrhejBy1gdjZXM846QAhPibnhr"),
    ])
  func read(text: String, canonical: String) throws {
    let entry = try BlockEntry(text)
    #expect(entry.description == canonical)
    #expect(try BlockEntry(canonical) == entry)
  }

  @Test("a CIDv1 is the same entry as the base58 of its peer")
  func cid() throws {
    let peer = try PeerID(Self.peer)
    #expect(try BlockEntry(peer.cid) == .peer(peer))
    #expect(try BlockEntry(peer.cidBase32) == .peer(peer))
  }

  @Test(
    "other texts are refused, with what would do",
    arguments: [
      ("", "an IP address or a network"), ("fed-01", "an IP address or a network"),
      ("12D3KooW", "an IP address or a network"), ("10.0.0.1/8", "write 10.0.0.0/8, or 10.0.0.1 for it alone"),
      ("2001:db8::1/32", "write 2001:db8::/32"), ("10.0.0.0/33", "0 to 32"), ("10.0.0.0/", "0 to 32"),
      ("10.0.0.0/08", "0 to 32"), ("10.0.0.0/-1", "0 to 32"), ("10.0.0.0/8/8", "0 to 32"), ("::/129", "0 to 128"),
      ("10.0.0", "no IP address"), ("10.0.0.256", "no IP address"), ("010.0.0.1", "no IP address"),
      ("10.0.0.1:9000", "ports stay out"), ("[::1]", "no IP address"), ("fe80::1%eth0", "zones"),
      ("a.example", "no IP"),
      ("::ffff:10.0.0.1", "write 10.0.0.1"), ("::ffff:10.0.0.0/104", "write 10.0.0.0/8"),
      ("::ffff:0:0/96", "write 0.0.0.0/0"), (String(repeating: "1", count: 129), "longer than 128 bytes"),
    ])
  func refused(text: String, words: String) {
    do {
      Issue.record("taken as \(try BlockEntry(text))")
    } catch {
      #expect(error.description.contains(words))
    }
  }

  @Test("an address is refused by the narrowest network that holds it, a peer by its id")
  func match() throws {
    var list = Blocklist()
    for text in ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "2001:db8::/32", Self.peer] {
      let isNew = try list.put(BlockEntry(text), expiresAt: nil, reason: text, now: 5)
      #expect(isNew)
    }
    let matches: [(String, String?)] = [
      ("10.1.2.3", "10.1.2.3"), ("10.1.2.4", "10.1.0.0/16"), ("10.2.0.1", "10.0.0.0/8"), ("11.0.0.1", nil),
      ("::ffff:10.2.0.1", "10.0.0.0/8"), ("2001:db8:1::1", "2001:db8::/32"), ("2001:db9::1", nil), ("::1", nil),
    ]
    for (text, expected) in matches {
      #expect(try list.match(ip: testIP(text), now: 6)?.reason == expected, "\(text)")
    }
    #expect(list.match(ip: [], now: 6) == nil)
    #expect(try list.match(peer: PeerID(Self.peer), now: 6)?.createdAt == 5)
    #expect(try list.match(peer: testPeer(1), now: 6) == nil)

    let removed = try ["10.1.0.0/16", "10.1.0.0/16", Self.peer].map { list.remove(try BlockEntry($0)) }
    #expect(removed == [true, false, true])
    #expect(list.match(ip: [10, 1, 2, 4], now: 6)?.reason == "10.0.0.0/8")
    #expect(try list.match(peer: PeerID(Self.peer), now: 6) == nil)
  }

  @Test("an entry ends at its time, whether or not it was taken out")
  func expiry() throws {
    var list = Blocklist()
    let network = try BlockEntry("10.0.0.0/8")
    let peer = BlockEntry.peer(try testPeer(1))
    _ = try list.put(network, expiresAt: 2_000, reason: nil, now: 1_000)
    _ = try list.put(peer, expiresAt: 1_500, reason: nil, now: 1_000)
    #expect(list.nextExpiry == 1_500)
    #expect(try list.match(peer: testPeer(1), now: 1_499) != nil)
    #expect(try list.match(peer: testPeer(1), now: 1_500) == nil)
    #expect(list.expire(now: 1_499) == [])
    #expect(list.expire(now: 1_500) == [peer])
    #expect(list.count == 1 && list[peer] == nil && list.nextExpiry == 2_000)
    #expect(list.expire(now: 9_999) == [network])
    #expect(list.nextExpiry == nil && list.count == 0)
    #expect(list.match(ip: [10, 0, 0, 1], now: 1_000) == nil)
  }

  @Test("a second put changes the end and the reason, not the beginning")
  func change() throws {
    var list = Blocklist()
    let entry = try BlockEntry("10.0.0.0/8")
    let first = try list.put(entry, expiresAt: 2_000, reason: "first", now: 1_000)
    let second = try list.put(entry, expiresAt: nil, reason: "for good", now: 1_100)
    #expect(first && !second)
    #expect(list[entry] == Blocklist.Record(entry: entry, createdAt: 1_000, expiresAt: nil, reason: "for good"))
    #expect(list.nextExpiry == nil)
    #expect(list.expire(now: .max) == [])
    #expect(list.count == 1)
    let third = try list.put(entry, expiresAt: 3_000, reason: nil, now: 1_200)
    #expect(!third)
    #expect(list.nextExpiry == 3_000)
    let wasThere = list.remove(entry)
    #expect(wasThere && list.nextExpiry == nil)
    #expect(list.expire(now: .max) == [])
  }

  @Test("what ended already, too long a reason and one entry too many are refused, with what to do")
  func bounds() throws {
    var list = Blocklist()
    let entry = try BlockEntry("10.0.0.0/8")
    #expect(throws: BlockEntryError.self) { try list.put(entry, expiresAt: 1_000, reason: nil, now: 1_000) }
    #expect(throws: BlockEntryError.self) {
      try list.put(entry, expiresAt: nil, reason: String(repeating: "x", count: 257), now: 1_000)
    }
    #expect(list.count == 0 && list.nextExpiry == nil)
    for number in 0..<Blocklist.countMaximum {
      _ = try list.put(.peer(try testPeer(number)), expiresAt: nil, reason: nil, now: 1)
    }
    do {
      _ = try list.put(entry, expiresAt: nil, reason: nil, now: 1)
      Issue.record("the list took one more")
    } catch {
      #expect("\(error)".contains("4096 entries"))
    }
    let known = try list.put(.peer(try testPeer(7)), expiresAt: nil, reason: "known", now: 2)
    _ = list.remove(.peer(try testPeer(8)))
    let new = try list.put(entry, expiresAt: nil, reason: nil, now: 1)
    #expect(!known && new)
    #expect(list.count == Blocklist.countMaximum)
  }

  @Test("the latest moment that there is ends an entry too")
  func latest() throws {
    var list = Blocklist()
    _ = try list.put(try BlockEntry("10.0.0.0/8"), expiresAt: .max, reason: nil, now: .min)
    #expect(list.nextExpiry == .max)
    #expect(list.expire(now: .max - 1) == [])
    #expect(list.expire(now: .max).count == 1)
  }

  @Test("entries are listed in order: peers, IPv4, IPv6")
  func order() throws {
    var list = Blocklist()
    let texts = [Self.peer, "9.9.9.9", "10.0.0.0/8", "10.0.0.0/9", "::1", "2001:db8::/32"]
    for text in texts.reversed() { _ = try list.put(try BlockEntry(text), expiresAt: nil, reason: nil, now: 1) }
    _ = try list.put(.peer(try testPeer(1)), expiresAt: nil, reason: nil, now: 1)
    let other = try testPeer(1).description
    #expect(list.entries.map(\.entry.description) == [texts[0], other] + texts.dropFirst())
  }

  @Test("random lists match as a scan of all entries would")
  func random() throws {
    var generator = SplitMix64(seed: testSeed)
    var list = Blocklist()
    var model: [BlockEntry: Int64?] = [:]
    func address() -> [UInt8] {
      let isIPv6 = Bool.random(using: &generator)
      // Few values, so that networks hold each other.
      return (0..<(isIPv6 ? 16 : 4)).map { _ in UInt8.random(in: 0...1, using: &generator) * 0x81 }
    }
    for now in Int64(0)..<3_000 {
      let ip = address()
      let network = IPNetwork(of: ip, prefixLength: Int.random(in: 0...min(ip.count * 8, 40), using: &generator))
      let ends = Bool.random(using: &generator) ? now + Int64.random(in: 1...200, using: &generator) : nil
      switch Int.random(in: 0..<4, using: &generator) {
      case 0:
        let isNew = try list.put(.network(network), expiresAt: ends, reason: nil, now: now)
        #expect(isNew == (model.updateValue(ends, forKey: .network(network)) == nil), "seed \(testSeed)")
      case 1:
        let wasThere = list.remove(.network(network))
        #expect(wasThere == (model.removeValue(forKey: .network(network)) != nil), "seed \(testSeed)")
      case 2:
        let ended = model.filter { $0.value.map { $0 <= now } ?? false }.keys
        #expect(Set(list.expire(now: now)) == Set(ended), "seed \(testSeed)")
        for entry in ended { model[entry] = nil }
      default:
        let expected = model.contains { entry, ends in
          guard case .network(let network) = entry else { return false }
          return network.contains(ip) && (ends.map { now < $0 } ?? true)
        }
        #expect((list.match(ip: ip, now: now) != nil) == expected, "seed \(testSeed)")
      }
    }
    #expect(list.count == model.count)
  }
}
