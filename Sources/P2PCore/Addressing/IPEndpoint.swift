/// An IP address, a UDP port and, for link-local IPv6, a zone.
package struct IPEndpoint: Hashable, Sendable {
  /// 4 or 16 bytes, network order.
  package let address: [UInt8]
  package let port: UInt16
  /// Interface name or number; nil for none.
  package let zone: String?

  package init(address: [UInt8], port: UInt16, zone: String? = nil) {
    self.address = address
    self.port = port
    self.zone = zone
  }

  package var isIPv6: Bool { self.address.count == 16 }
}
