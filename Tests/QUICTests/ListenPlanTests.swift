import LinuxIO
import P2PCore
import Testing

@testable import QUIC

@Suite struct ListenPlanTests {
  private static func item(_ interface: String, _ text: String) throws -> InterfaceAddress {
    let address = try Multiaddr("/\(text.contains(":") ? "ip6" : "ip4")/\(text)/udp/0/quic-v1")
    let bytes = IPEndpoint.unmapped(address.components.first!.value)
    return InterfaceAddress(interface: interface, address: SocketAddress(address: bytes, port: 0, scope: 0)!)
  }

  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var addresses: [String]
    var interfaces: [String]
    /// `eth0 192.0.2.1`
    var found: [String]
    var listens: [String]
    /// Configured addresses that are listed with an error.
    var faults: [String]
  }

  private static let any4 = "/ip4/0.0.0.0/udp/9000/quic-v1"
  private static let any6 = "/ip6/::/udp/9000/quic-v1"

  static let cases: [Case] = [
    Case(
      testDescription: "without interfaces addresses stay as they are", addresses: [any4, any6], interfaces: [],
      found: ["eth0 192.0.2.1"], listens: [any4, any6], faults: []),
    Case(
      testDescription: "every address of the named interface, of both families", addresses: [any4, any6],
      interfaces: ["eth0"], found: ["lo 127.0.0.1", "eth0 192.0.2.1", "eth0 192.0.2.2", "eth0 2001:db8::1"],
      listens: [
        "/ip4/192.0.2.1/udp/9000/quic-v1", "/ip4/192.0.2.2/udp/9000/quic-v1", "/ip6/2001:db8::1/udp/9000/quic-v1",
      ], faults: []),
    Case(
      testDescription: "one family only is whole", addresses: [any4, any6], interfaces: ["eth0"],
      found: ["eth0 192.0.2.1"], listens: ["/ip4/192.0.2.1/udp/9000/quic-v1"], faults: []),
    Case(
      testDescription: "the wrong family only is not", addresses: [any6], interfaces: ["eth0"],
      found: ["eth0 192.0.2.1"], listens: [], faults: [any6]),
    Case(
      testDescription: "link-local IPv6 is left out", addresses: [any4, any6], interfaces: ["eth0"],
      found: ["eth0 fe80::1"], listens: [], faults: [any4, any6]),
    Case(
      testDescription: "a missing interface is waited for beside one that is there", addresses: [any4],
      interfaces: ["eth0", "wg0"], found: ["eth0 192.0.2.1"], listens: ["/ip4/192.0.2.1/udp/9000/quic-v1"],
      faults: [any4]),
    Case(
      testDescription: "addresses that are no wildcard stay, and nothing listens twice",
      addresses: [any4, "/ip4/192.0.2.1/udp/9000/quic-v1", "/ip4/127.0.0.1/udp/9001/quic-v1"], interfaces: ["eth0"],
      found: ["eth0 192.0.2.1"],
      listens: ["/ip4/192.0.2.1/udp/9000/quic-v1", "/ip4/127.0.0.1/udp/9001/quic-v1"], faults: []),
    Case(
      testDescription: "one address on two interfaces is one listener", addresses: [any4], interfaces: ["a", "b"],
      found: ["a 192.0.2.1", "b 192.0.2.1"], listens: ["/ip4/192.0.2.1/udp/9000/quic-v1"], faults: []),
    Case(
      testDescription: "a zone without its interface is a fault",
      addresses: ["/ip6zone/nonesuch0/ip6/fe80::1/udp/1/quic-v1"], interfaces: [], found: [], listens: [],
      faults: ["/ip6zone/nonesuch0/ip6/fe80::1/udp/1/quic-v1"]),
  ]

  @Test("where to listen follows from what is configured and what there is", arguments: cases)
  func plan(_ each: Case) throws {
    let plan = ListenPlan(
      addresses: try each.addresses.map { try Multiaddr($0) }, interfaces: each.interfaces,
      found: try each.found.map { text in
        let parts = text.split(separator: " ").map(String.init)
        return try Self.item(parts[0], parts[1])
      })
    #expect(plan.listeners.map { "\($0.address)" } == each.listens)
    #expect(plan.listeners.map { "\($0.socket.multiaddr)" } == each.listens)
    #expect(plan.faults.map { "\($0.address)" } == each.faults)
    #expect(plan.faults.allSatisfy { $0.error?.isEmpty == false })
  }

  @Test("a fault names the interface")
  func words() throws {
    let plan = ListenPlan(addresses: [try Multiaddr(Self.any4)], interfaces: ["eth0", "wg0"], found: [])
    let error = try #require(plan.faults.first?.error)
    #expect(error.contains("eth0: no such interface") && error.contains("wg0: no such interface"))
  }

  @Test("beyond the most listeners the rest is told as faults")
  func bound() throws {
    let found = (0..<100).map { i in
      InterfaceAddress(interface: "eth0", address: SocketAddress(address: [10, 0, 0, UInt8(i)], port: 0)!)
    }
    let plan = ListenPlan(addresses: [try Multiaddr(Self.any4)], interfaces: ["eth0"], found: found)
    #expect(plan.listeners.count == ListenPlan.listenersMax)
    #expect(plan.faults.count == 100 - ListenPlan.listenersMax)
  }
}
