import Testing

@testable import P2PCore

@Suite("Reach of addresses")
struct AddressScopeTests {
  @Test(
    "each range has its scope, and so has its last address, not the next one",
    arguments: [
      ("0.0.0.0", .unspecified), ("::", .unspecified), ("0.0.0.1", .global),
      ("127.0.0.1", .loopback), ("127.255.255.255", .loopback), ("::1", .loopback), ("128.0.0.0", .global),
      ("::2", .global), ("169.254.0.0", .linkLocal), ("169.254.255.255", .linkLocal), ("169.253.255.255", .global),
      ("169.255.0.0", .global), ("fe80::", .linkLocal), ("febf:ffff::", .linkLocal), ("fec0::", .global),
      ("10.0.0.0", .privateUse), ("10.255.255.255", .privateUse), ("9.255.255.255", .global), ("11.0.0.0", .global),
      ("172.16.0.0", .privateUse), ("172.31.255.255", .privateUse), ("172.15.255.255", .global),
      ("172.32.0.0", .global), ("192.168.0.0", .privateUse), ("192.168.255.255", .privateUse),
      ("192.167.255.255", .global), ("192.169.0.0", .global), ("100.64.0.0", .privateUse),
      ("100.127.255.255", .privateUse), ("100.63.255.255", .global), ("100.128.0.0", .global),
      ("fc00::", .privateUse), ("fdff:ffff::", .privateUse), ("fbff::", .global), ("fe00::", .global),
      ("224.0.0.0", .multicast), ("239.255.255.255", .multicast), ("223.255.255.255", .global),
      ("240.0.0.0", .global), ("ff00::", .multicast), ("ffff::", .multicast), ("255.255.255.255", .broadcast),
      ("255.255.255.254", .global), ("2001:db8::1", .global), ("192.0.2.1", .global),
      ("::ffff:10.0.0.1", .privateUse), ("::ffff:127.0.0.1", .loopback), ("::ffff:0.0.0.0", .unspecified),
      ("::ffff:224.0.0.1", .multicast), ("::ffff:255.255.255.255", .broadcast), ("::ffff:8.8.8.8", .global),
    ] as [(String, AddressScope)])
  func scope(text: String, scope: AddressScope) throws {
    let address = try testIP(text)
    #expect(AddressScope(ip: address) == scope)
    #expect(IPEndpoint(address: address, port: 1).scope == scope)
  }

  @Test(
    "what no host can be is refused, with what to do",
    arguments: [
      ("192.0.2.1:1", nil, ""), ("[2001:db8::1]:1", nil, ""), ("127.0.0.1:1", nil, ""), ("10.0.0.1:1", nil, ""),
      ("[fd00::1]:1", nil, ""), ("[fe80::1%eth0]:1", nil, ""),
      ("0.0.0.0:1", .invalidAddress, "names no host"), ("[::]:1", .invalidAddress, "names no host"),
      ("224.0.0.1:1", .invalidAddress, "many hosts"), ("[ff02::1]:1", .invalidAddress, "many hosts"),
      ("255.255.255.255:1", .invalidAddress, "many hosts"),
      ("[fe80::1]:1", .invalidAddress, "/ip6zone/eth0/ip6/fe80::1"),
      ("169.254.1.1:1", .noRoute, "another address"), ("[::ffff:169.254.1.1]:1", .noRoute, "another address"),
    ] as [(String, DialErrorClass?, String)])
  func filter(text: String, class: DialErrorClass?, words: String) throws {
    let refusal = DialFilter().refusal(of: try IPEndpoint(text))
    #expect(refusal?.class == `class`)
    #expect(refusal?.temporary != true)
    #expect(refusal.map { $0.detail.contains(words) } ?? words.isEmpty)
  }

  @Test("private addresses are refused when the configuration says so, and the key is named")
  func privateUse() throws {
    let filter = DialFilter(allowsPrivate: false)
    for text in ["10.0.0.1:1", "100.64.0.1:1", "[fd00::1]:1", "[::ffff:192.168.0.1]:1"] {
      let refusal = filter.refusal(of: try IPEndpoint(text))
      #expect(refusal?.class == .noRoute)
      #expect(refusal?.detail.contains("network.dial_private") == true)
    }
    #expect(try filter.refusal(of: IPEndpoint("127.0.0.1:1")) == nil)
    #expect(try filter.refusal(of: IPEndpoint("192.0.2.1:1")) == nil)
  }

  @Test(
    "a network is all addresses with its prefix",
    arguments: [
      ("10.1.2.3", 8, "10.0.0.0/8", "10.255.0.1", "11.0.0.0"), ("10.1.2.3", 31, "10.1.2.2/31", "10.1.2.2", "10.1.2.4"),
      ("10.1.2.3", 32, "10.1.2.3", "10.1.2.3", "10.1.2.2"), ("10.1.2.3", 0, "0.0.0.0/0", "255.1.1.1", "::"),
      ("2001:db8:ffff::1", 33, "2001:db8:8000::/33", "2001:db8:8000::2", "2001:db8::"),
      ("2001:db8::1", 128, "2001:db8::1", "2001:db8::1", "2001:db8::2"), ("ffff::", 0, "::/0", "::1", "1.2.3.4"),
    ])
  func network(address: String, prefix: Int, text: String, inside: String, outside: String) throws {
    let network = IPNetwork(of: try testIP(address), prefixLength: prefix)
    #expect(network.description == text)
    #expect(network.contains(network.address))
    #expect(try network.contains(testIP(inside)))
    #expect(try !network.contains(testIP(outside)))
    #expect(network.isSingle == !text.contains("/"))
  }

  @Test("networks are sorted by family, address and size")
  func sorted() throws {
    let texts = ["9.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.0", "10.0.0.1", "::/0", "2001:db8::/32"]
    let networks = try texts.map { text in
      guard case .network(let network) = try BlockEntry(text) else { throw MultiaddrError(text) }
      return network
    }
    #expect(networks.reversed().sorted().map(\.description) == texts)
  }
}
