@testable import P2PCore

/// A peer id that belongs to `number` alone.
func testPeer(_ number: Int) throws -> PeerID {
  let digits = (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
  return try PeerID(multihash: [0x12, 0x20] + [UInt8](repeating: 0x5A, count: 24) + digits)
}

/// The bytes of an IP address.
func testIP(_ text: String) throws -> [UInt8] {
  let characters = Array(text.utf8)[...]
  guard let address = IPText.ipv4(characters) ?? IPText.ipv6(characters) else { throw MultiaddrError(text) }
  return address
}
