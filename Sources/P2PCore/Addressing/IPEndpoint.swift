/// An IP address, a UDP port and, for link-local IPv6, a zone.
package struct IPEndpoint: Hashable, Sendable, CustomStringConvertible {
  /// 4 or 16 bytes, network order.
  package let address: [UInt8]
  package let port: UInt16
  /// Interface name or number; nil for none.
  package let zone: String?

  package init(address: [UInt8], port: UInt16, zone: String? = nil) {
    precondition(address.count == 4 || address.count == 16, "an IP address has 4 or 16 bytes")
    self.address = address
    self.port = port
    self.zone = zone
  }

  /// Reads `192.0.2.7:9000`, `[2001:db8::7]:9000` and `[fe80::1%eth0]:9000`.
  package init(_ text: String) throws(MultiaddrError) {
    let characters = Array(text.utf8)
    guard let colon = characters.lastIndex(of: UInt8(ascii: ":")), let port = IPText.port(characters[(colon + 1)...])
    else { throw MultiaddrError("\(quoted(text)) is no address with a port, like 192.0.2.7:9000 or [::1]:9000") }
    var host = characters[..<colon]
    if let address = IPText.ipv4(host) {
      self.init(address: address, port: port)
      return
    }
    guard host.popFirst() == UInt8(ascii: "["), host.popLast() == UInt8(ascii: "]") else {
      throw MultiaddrError("\(quoted(text)) has no IP address before its port, like 192.0.2.7:9000 or [::1]:9000")
    }
    let numbers = host.prefix { $0 != UInt8(ascii: "%") }
    let zone = host.dropFirst(numbers.count + 1)
    guard let address = IPText.ipv6(numbers), numbers.count == host.count || Self.isZone(zone) else {
      throw MultiaddrError("\(quoted(text)) has no IPv6 address between its brackets, like [::1]:9000")
    }
    self.init(address: address, port: port, zone: zone.isEmpty ? nil : String(decoding: zone, as: UTF8.self))
  }

  package var isIPv6: Bool { self.address.count == 16 }

  /// 0.0.0.0 or `::`.
  package var isUnspecified: Bool { self.address.allSatisfy { $0 == 0 } }

  /// 127.0.0.0/8 or `::1`.
  package var isLoopback: Bool {
    self.isIPv6
      ? self.address[15] == 1 && self.address.dropLast().allSatisfy { $0 == 0 }
      : self.address[0] == 127
  }

  /// 10/8, 172.16/12, 192.168/16 (RFC 1918), 100.64/10 (RFC 6598) or fc00::/7 (RFC 4193).
  package var isPrivate: Bool {
    if self.isIPv6 { return self.address[0] & 0xFE == 0xFC }
    switch (self.address[0], self.address[1]) {
    case (10, _), (172, 16...31), (192, 168), (100, 64...127): return true
    default: return false
    }
  }

  /// 169.254/16 (RFC 3927) or fe80::/10.
  package var isLinkLocal: Bool {
    self.isIPv6
      ? self.address[0] == 0xFE && self.address[1] & 0xC0 == 0x80
      : self.address[0] == 169 && self.address[1] == 254
  }

  /// 224/4 or ff00::/8.
  package var isMulticast: Bool { self.isIPv6 ? self.address[0] == 0xFF : self.address[0] & 0xF0 == 0xE0 }

  /// 255.255.255.255.
  package var isBroadcast: Bool { !self.isIPv6 && self.address.allSatisfy { $0 == 255 } }

  /// ::ffff:0:0/96, IPv4 in IPv6 form.
  package var isIPv4Mapped: Bool { self.isIPv6 && self.address.starts(with: IPText.mappedPrefix) }

  /// The address alone, without zone and port.
  package var addressText: String { IPText.format(self.address) }

  /// `192.0.2.7:9000`, `[fe80::1%eth0]:9000`.
  package var description: String {
    guard self.isIPv6 else { return "\(self.addressText):\(self.port)" }
    return "[\(self.addressText)\(self.zone.map { "%" + $0 } ?? "")]:\(self.port)"
  }

  /// Interface names of Linux: 1 to 15 printable characters without `/` and `%` (IFNAMSIZ).
  static func isZone(_ text: some Collection<UInt8>) -> Bool {
    (1...15).contains(text.count)
      && text.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "%") }
  }
}
