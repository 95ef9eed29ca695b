import AllocationCounter
import P2PCore
import Testing

@testable import P2PHost

@Suite struct RegistryMemoryTests {
  private static let count = 10_000
  /// Of one known peer.
  private static let bytesMax = 2_048

  private static func address(_ number: Int, ipv6: Bool = false) -> Multiaddr {
    let address =
      (ipv6 ? [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 8) : []) + [
        198, 18, UInt8(number >> 8 & 0xFF), UInt8(number & 0xFF),
      ]
    return Multiaddr(quic: IPEndpoint(address: address, port: 9_000))
  }

  private static func peer(_ number: Int) -> PeerID {
    let data = (0..<32).map { UInt8(truncatingIfNeeded: number >> (8 * ($0 % 4))) }
    return PeerID(publicKey: PublicKey(type: .ed25519, data: data), sha256: { _ in [] })
  }

  @Test(
    "a known peer of the address book takes at most 2 kB, with all that identify tells of a node",
    .enabled(if: allocation_counter_works))
  func memory() {
    let before = allocation_counter_bytes()
    var table = PeerTable(maximum: Self.count)
    for number in 0..<Self.count {
      let id = Self.peer(number)
      _ = table.add(id, now: 1)
      table.enter(
        BookEntry(
          peerID: id, name: "member-\(number)", pinned: true, addresses: [Self.address(number)], source: .api))
      table[id]?.agentVersion = "fednode/0.1.0-\(number)"
      // Each with texts of its own, as they come from the wire.
      table[id]?.protocols = ["ipfs/id/1.0.0", "ipfs/id/push/1.0.0", "ipfs/ping/1.0.0", "vtcp/btc-foundation/v1.0.0"]
        .map { "/" + $0 }
      table[id]?.add(Self.address(number, ipv6: true), source: "identify", maximum: 32)
      table[id]?.add(Self.address(number + 1), source: "inbound", maximum: 32)
    }
    let each = (allocation_counter_bytes() - before) / Self.count
    #expect(each <= Self.bytesMax, "\(each) bytes")
    #expect(table.count == Self.count)
  }
}
