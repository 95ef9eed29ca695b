import Glibc
import LinuxIO
import P2PCore
import Testing

@testable import QUIC

/// What only root can do to the network: each loop's thread gets a namespace of its own, with a loopback that is down.
private enum Namespace {
  private typealias Unshare = @convention(c) (Int32) -> Int32

  /// Moves the calling thread into a new network namespace.
  static func enter() -> Bool {
    // Glibc's module does not have it.
    guard let unshare = dlsym(nil, "unshare") else { return false }
    return unsafeBitCast(unshare, to: Unshare.self)(0x4000_0000) == 0
  }

  @Sendable static func isPossible() async throws -> Bool {
    let loop = try EventLoop()
    loop.start()
    let answer = await loop.run { self.enter() }
    loop.stop()
    return answer
  }

  /// `request` with the interface's name and, behind it, `value`.
  static func interface(_ request: UInt, _ name: String, _ value: [UInt8]) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 40)
    bytes.replaceSubrange(0..<name.utf8.count, with: name.utf8)
    bytes.replaceSubrange(16..<(16 + value.count), with: value)
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(descriptor) }
    return ioctl(descriptor, request, &bytes) == 0
  }

  /// SIOCSIFFLAGS with IFF_UP, or without.
  static func set(_ name: String, up: Bool) -> Bool { self.interface(0x8914, name, [up ? 1 : 0, 0]) }

  /// SIOCSIFADDR.
  static func set(_ name: String, address: [UInt8]) -> Bool {
    self.interface(0x8916, name, [UInt8(AF_INET), 0, 0, 0] + address)
  }
}

@Suite(.timeLimit(.minutes(1)), .enabled("needs root", Namespace.isPossible))
struct NetworkNamespaceTests {
  /// A node in a namespace of its own; `loop.run` reaches into it.
  private func node(_ addresses: [String], interfaces: [String] = []) async throws -> FollowingNode {
    let node = try FollowingNode(addresses, interfaces: interfaces, watchesNetwork: true)
    #expect(await node.loop.run { Namespace.enter() })
    return node
  }

  /// The next `count` things that are told: the addresses can be read before.
  private static func told(by node: FollowingNode, _ count: Int) async -> [String] {
    var told: [String] = []
    _ = await eventually {
      told += node.takeTold()
      return told.count >= count
    }
    return told
  }

  @Test("listeners follow the addresses of a real interface, and each change is told once")
  func follows() async throws {
    let node = try await self.node(
      ["/ip4/0.0.0.0/udp/9000/quic-v1", "/ip6/::/udp/9000/quic-v1"], interfaces: ["lo"])
    try await node.start()
    #expect(node.transport.watchError == nil)
    #expect(node.transport.listenAddresses == [])

    #expect(await node.loop.run { Namespace.set("lo", up: true) })
    #expect(await eventually { node.transport.listenAddresses.count == 2 })
    #expect(
      await Self.told(by: node, 3) == [
        "added /ip4/127.0.0.1/udp/9000/quic-v1", "added /ip6/::1/udp/9000/quic-v1", "changed",
      ])
    #expect(node.transport.listeners.allSatisfy { $0.error == nil })

    // A second address, with a label of its own.
    #expect(await node.loop.run { Namespace.set("lo:1", address: [10, 1, 2, 3]) })
    #expect(await eventually { node.transport.listenAddresses.count == 3 })
    #expect(await Self.told(by: node, 2) == ["added /ip4/10.1.2.3/udp/9000/quic-v1", "changed"])

    #expect(await node.loop.run { Namespace.set("lo:1", up: false) })
    #expect(await eventually { node.transport.listenAddresses.count == 2 })
    #expect(await Self.told(by: node, 2) == ["failed /ip4/10.1.2.3/udp/9000/quic-v1 address gone", "changed"])
    await node.stop()
  }
}
