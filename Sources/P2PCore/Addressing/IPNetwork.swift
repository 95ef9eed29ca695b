/// All IP addresses that begin with the same bits: `10.0.0.0/8`, `2001:db8::/32`, or one address alone.
package struct IPNetwork: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// 4 or 16 bytes, network order; bits past the prefix are zero.
  package let address: [UInt8]
  /// Bits, up to 32 or 128.
  package let prefixLength: Int

  /// The network of that size that `address` lies in: further bits are set to zero.
  package init(of address: [UInt8], prefixLength: Int) {
    precondition(address.count == 4 || address.count == 16, "an IP address has 4 or 16 bytes")
    precondition((0...address.count * 8).contains(prefixLength), "a prefix is no longer than its address")
    self.prefixLength = prefixLength
    self.address = address.enumerated().map { index, byte in
      let kept = min(max(prefixLength - index * 8, 0), 8)
      return byte & ~UInt8(truncatingIfNeeded: 0xFF >> kept)
    }
  }

  package var isIPv6: Bool { self.address.count == 16 }

  /// Whether it is one address alone.
  package var isSingle: Bool { self.prefixLength == self.address.count * 8 }

  /// `address` has 4 or 16 bytes; of another family it is not contained.
  package func contains(_ address: [UInt8]) -> Bool {
    address.count == self.address.count && IPNetwork(of: address, prefixLength: self.prefixLength) == self
  }

  /// `10.0.0.0/8`; an address alone stands without its prefix length.
  package var description: String {
    let text = IPText.format(self.address)
    return self.isSingle ? text : "\(text)/\(self.prefixLength)"
  }

  /// IPv4 first, then by address, the larger network first.
  package static func < (left: IPNetwork, right: IPNetwork) -> Bool {
    if left.isIPv6 != right.isIPv6 { return right.isIPv6 }
    if left.address != right.address { return left.address.lexicographicallyPrecedes(right.address) }
    return left.prefixLength < right.prefixLength
  }
}
