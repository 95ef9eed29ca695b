import Testing

@testable import P2PCore

@Suite("Multiaddrs")
struct MultiaddrTests {
  private static let idText = "12D3KooWGbSz9Ju35fygHtowdHXs9WXCMWG5EUuTq9eR3v3eCaLS"
  private static let otherText = "12D3KooWKyjsSGmvvWyBW5FXwxU86cJ9jbtxTDT2zjvztH7bdH5L"

  @Test(
    "endpoints as addresses",
    arguments: [
      (IPEndpoint(address: [192, 0, 2, 7], port: 9000), "/ip4/192.0.2.7/udp/9000/quic-v1"),
      (IPEndpoint(address: [192, 0, 2, 7], port: 0, zone: "eth0"), "/ip4/192.0.2.7/udp/0/quic-v1"),
      (
        IPEndpoint(address: [0xFE, 0x80] + [UInt8](repeating: 0, count: 13) + [1], port: 65_535, zone: "eth0"),
        "/ip6zone/eth0/ip6/fe80::1/udp/65535/quic-v1"
      ),
    ])
  func quic(endpoint: IPEndpoint, text: String) throws {
    let address = Multiaddr(quic: endpoint)
    #expect(address.description == text)
    #expect(try Multiaddr(text) == address)
    #expect(try Multiaddr(bytes: address.bytes) == address)
  }

  @Test("a peer id is added, replaced and taken off at the end")
  func peerIDs() throws {
    let (id, other) = (try PeerID(Self.idText), try PeerID(Self.otherText))
    let bare = try Multiaddr("/ip4/192.0.2.7/udp/9000/quic-v1")
    #expect(bare.peerID == nil)
    #expect(bare.withoutPeerID == bare)
    let full = bare.with(peerID: id)
    #expect(full.description == "/ip4/192.0.2.7/udp/9000/quic-v1/p2p/\(Self.idText)")
    #expect(full.peerID == id)
    #expect(full.withoutPeerID == bare)
    #expect(full.with(peerID: other).peerID == other)
    #expect(full.with(peerID: other).withoutPeerID == bare)
  }

  @Test("a peer id that is not at the end is not the address's")
  func relayed() throws {
    let address = try Multiaddr("/ip4/192.0.2.7/udp/9000/quic-v1/p2p/\(Self.idText)/p2p-circuit")
    #expect(address.peerID == nil)
    #expect(address.withoutPeerID == address)
  }

  @Test("an address that is nothing but a peer id stays as it is without it")
  func peerOnly() throws {
    let address = try Multiaddr("/p2p/\(Self.idText)")
    #expect(address.withoutPeerID == address)
    #expect(address.with(peerID: try PeerID(Self.otherText)).description == "/p2p/\(Self.otherText)")
    #expect(address.peerID?.description == Self.idText)
  }

  @Test("where addresses lead")
  func targets() throws {
    let loopback = IPEndpoint(address: [127, 0, 0, 1], port: 1)
    #expect(try Multiaddr("/ip4/127.0.0.1/udp/1/quic-v1").quicTarget() == .endpoint(loopback))
    let local = IPEndpoint(address: [0xFE, 0x80] + [UInt8](repeating: 0, count: 13) + [1], port: 1, zone: "eth0")
    #expect(try Multiaddr("/ip6zone/eth0/ip6/fe80::1/udp/1/quic-v1").quicTarget() == .endpoint(local))
    for (name, family) in [("dns", QUICTarget.NameFamily.any), ("dns4", .ipv4), ("dns6", .ipv6)] {
      #expect(
        try Multiaddr("/\(name)/a.example/udp/1/quic-v1").quicTarget() == .name("a.example", family: family, port: 1))
    }
    #expect(try Multiaddr("/dnsaddr/a.example/p2p/\(Self.idText)").quicTarget() == .dnsaddr("a.example"))
    #expect(try Multiaddr("/dnsaddr/a.example/quic-v1").quicTarget() == .dnsaddr("a.example"))
    let unspecified = IPEndpoint(address: [0, 0, 0, 0], port: 0)
    #expect(try Multiaddr("/ip4/0.0.0.0/udp/0/quic-v1").listenTarget() == unspecified)
  }

  @Test("of a name's records those count that end as the address does")
  func answers() throws {
    let asked = try Multiaddr("/dnsaddr/a.example/udp/9000/quic-v1/p2p/\(Self.idText)")
    let good = try Multiaddr("/ip4/192.0.2.7/udp/9000/quic-v1/p2p/\(Self.idText)")
    #expect(good.isAnswer(to: asked))
    #expect(!good.withoutPeerID.isAnswer(to: asked))
    #expect(!good.with(peerID: try PeerID(Self.otherText)).isAnswer(to: asked))
    #expect(good.isAnswer(to: try Multiaddr("/dnsaddr/a.example")))
  }

  @Test(
    "refusals teach",
    arguments: [
      (
        "/ip4/0.0.0.0/tcp/9000",
        #""/ip4/0.0.0.0/tcp/9000" is TCP; fednode speaks QUIC, e.g. /ip4/0.0.0.0/udp/9000/quic-v1"#
      ),
      ("/ip4/192.0.2.7/tcp/443/tls/ws", #"is WebSocket; fednode speaks QUIC, e.g. /ip4/192.0.2.7/udp/443/quic-v1"#),
      ("/ip6/::1/udp/7/quic", #"is QUIC draft-29; fednode speaks QUIC, e.g. /ip6/::1/udp/7/quic-v1"#),
      ("/ip4/192.0.2.7/udp/7/quic-v1/webtransport", #"is WebTransport; fednode speaks QUIC"#),
      ("/ip4/192.0.2.7/udp/7/quic-v1/tls", #"is /tls; fednode speaks QUIC"#),
      ("/ip4/192.0.2.7/udp/7", #"is bare UDP; fednode speaks QUIC, e.g. /ip4/192.0.2.7/udp/7/quic-v1"#),
      ("/dns4/a.example", #"names no transport; fednode speaks QUIC, e.g. /dns4/a.example/udp/9000/quic-v1"#),
      ("/p2p-circuit", #"is a relay address; fednode speaks QUIC, e.g. /ip4/0.0.0.0/udp/9000/quic-v1"#),
      ("/memory/1", #""/memory/1" cannot be used: it is an in-memory transport; fednode speaks QUIC"#),
      ("/ip4/127.0.0.1/udp/0/quic-v1", "port 0 can be listened on, but not dialled"),
      ("/ip4/0.0.0.0/udp/1/quic-v1", "0.0.0.0 can be listened on, but names no host to dial"),
      ("/ip4/224.0.0.1/udp/1/quic-v1", "224.0.0.1 is a multicast address"),
      ("/ip4/255.255.255.255/udp/1/quic-v1", "255.255.255.255 is a broadcast address"),
      ("/ip6/::ffff:1.2.3.4/udp/1/quic-v1", "::ffff:1.2.3.4 is IPv4 in IPv6 form; write /ip4/1.2.3.4"),
      ("/ip6/fe80::1/udp/1/quic-v1", "fe80::1 is link-local and needs its interface, /ip6zone/eth0/ip6/fe80::1/…"),
      ("/ip6zone/a b/ip6/fe80::1/udp/1/quic-v1", #""a b" is no interface, like eth0"#),
      ("/ip4/10.0.0.0/ipcidr/8/udp/1/quic-v1", "it names a network, not a host"),
      ("/ip4/1.2.3.4/quic-v1/udp/1", "its parts are out of order"),
      ("/dns4/a..b/udp/1/quic-v1", #""a..b" is no host name: labels have 1 to 63 letters, digits and hyphens"#),
      ("", "it must begin with a slash"), ("/", "it ends with a slash"), ("//ip4", "it holds two slashes in a row"),
      ("/ip4", "ip4 needs a value, /ip4/…"),
      ("/ip4/01.2.3.4", "ip4 needs four numbers of 0 to 255 without leading zeros"),
      ("/ip6/fe80::1%eth0", "a zone goes before it"), ("/udp/65536", "udp needs a port of 0 to 65535"),
      ("/ipcidr/256", "ipcidr needs a number of 0 to 255"), ("/dns/ü", "international names in their xn-- form"),
      ("/quic-v2", #"protocol "quic-v2" is unknown; see /ip4/0.0.0.0/udp/9000/quic-v1"#),
      ("/p2p/hello", #""hello" is no peer id"#), ("/ip6zone/ü/ip6/fe80::1", "ip6zone needs an interface, like eth0"),
      (
        "/ip6zone/eth0/ip6/fe80::1/tcp/7",
        "is TCP; fednode speaks QUIC, e.g. /ip6zone/eth0/ip6/fe80::1/udp/7/quic-v1"
      ),
      ("/ip6zone/eth0/udp/1/quic-v1", "a zone stands before an ip6"), ("/udp/1/quic-v1", "it names no host"),
      ("/ip4/1.2.3.4/udp/1/quic-v1/ip4/1.2.3.4", "it names two hosts"),
      ("/ip6/fe80::1/ip6zone/eth0/udp/1/quic-v1", "the zone must stand before the address"),
    ])
  func refusals(text: String, expected: String) {
    let fault = Self.fault(text)
    #expect(fault.contains(expected), "\(fault)")
  }

  /// What the refusal to dial `text` says.
  private static func fault(_ text: String) -> String {
    switch Result(catching: { () throws(MultiaddrError) in try Multiaddr(text) }) {
    case .failure(let error): return error.dialError.detail
    case .success(let address):
      do {
        return "no refusal but \(try address.quicTarget())"
      } catch {
        return error.detail
      }
    }
  }

  @Test("listening wants an IP address without a peer id")
  func listening() throws {
    #expect(throws: DialError.self) { try Multiaddr("/dns4/a.example/udp/1/quic-v1").listenTarget() }
    let full = try Multiaddr("/ip4/127.0.0.1/udp/1/quic-v1/p2p/\(Self.idText)")
    #expect(throws: DialError.self) { try full.listenTarget() }
  }

  @Test("more than 131,072 bytes are refused")
  func tooLong() {
    #expect(throws: MultiaddrError.self) { try Multiaddr("/dns4/" + String(repeating: "a", count: 131_072)) }
    #expect(throws: MultiaddrError.self) { try Multiaddr(bytes: [UInt8](repeating: 0xCD, count: 131_073)) }
  }

  @Test("names of all protocols lead to their codes")
  func names() {
    for known in MultiaddrProtocol.allCases {
      #expect(MultiaddrProtocol(name: known.name) == known)
    }
    #expect(MultiaddrProtocol(name: "ipfs") == .p2p)
    #expect(MultiaddrProtocol(name: "webTransport") == nil)
  }

  @Test("protocols whose values are not read are named in the refusal")
  func unread() {
    for known in MultiaddrProtocol.allCases where known.format == .unsupported {
      let error = MultiaddrError(unsupported: known)
      #expect(error.dialError.class == .unsupportedTransport)
      #expect(error.description.contains("fednode speaks QUIC"))
    }
  }
}

@Suite("IP endpoints")
struct IPEndpointTests {
  @Test(
    "texts are read and written back",
    arguments: ["192.0.2.7:9000", "0.0.0.0:0", "[::]:9000", "[::1]:65535", "[fe80::1%eth0]:1", "[2001:db8::7]:80"])
  func texts(text: String) throws {
    #expect(try IPEndpoint(text).description == text)
  }

  @Test(
    "other texts are refused",
    arguments: [
      "", ":1", "192.0.2.7", "192.0.2.7:", "192.0.2.7:65536", "192.0.2.7:01", "localhost:1", "::1:1", "[::1:1", "[]:1",
      "[192.0.2.7]:1", "[fe80::1%]:1", "[fe80::1%a b]:1", "[fe80::1%0123456789abcdef]:1", "192.0.2.7:-1",
      " 192.0.2.7:1",
    ])
  func refused(text: String) {
    #expect(throws: MultiaddrError.self) { try IPEndpoint(text) }
  }

  @Test(
    "what kind of address it is",
    arguments: [
      ("0.0.0.0:1", "unspecified"), ("[::]:1", "unspecified"), ("127.0.0.1:1", "loopback"),
      ("127.255.0.1:1", "loopback"),
      ("[::1]:1", "loopback"), ("10.1.2.3:1", "private"), ("172.16.0.1:1", "private"), ("172.31.255.1:1", "private"),
      ("192.168.0.1:1", "private"), ("[fd00::1]:1", "private"), ("[fc00::1]:1", "private"),
      ("169.254.1.1:1", "link-local"),
      ("[fe80::1]:1", "link-local"), ("[febf::1]:1", "link-local"), ("224.0.0.1:1", "multicast"),
      ("239.1.1.1:1", "multicast"), ("[ff02::1]:1", "multicast"), ("255.255.255.255:1", "broadcast"),
      ("[::ffff:1.2.3.4]:1", "mapped"), ("172.32.0.1:1", ""), ("192.0.2.7:1", ""), ("[2001:db8::1]:1", ""),
      ("[fec0::1]:1", ""), ("240.0.0.1:1", ""),
    ])
  func kinds(text: String, kind: String) throws {
    let endpoint = try IPEndpoint(text)
    #expect(endpoint.isUnspecified == (kind == "unspecified"))
    #expect(endpoint.isLoopback == (kind == "loopback"))
    #expect(endpoint.isPrivate == (kind == "private"))
    #expect(endpoint.isLinkLocal == (kind == "link-local"))
    #expect(endpoint.isMulticast == (kind == "multicast"))
    #expect(endpoint.isBroadcast == (kind == "broadcast"))
    #expect(endpoint.isIPv4Mapped == (kind == "mapped"))
  }
}
