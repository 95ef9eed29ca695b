package import CLinux
import Glibc

/// An IPv4 or IPv6 address with a port, as the kernel has it.
package struct SocketAddress: Hashable, Sendable {
  package var raw: clinux_address

  package init(raw: clinux_address) { self.raw = raw }

  /// `address` has 4 or 16 bytes in network order; anything else is nil. `scope` is an interface index.
  package init?(address: [UInt8], port: UInt16, scope: UInt32 = 0) {
    var raw = clinux_address()
    // In C: Swift 6.2 fails on an initializer that fills this union.
    guard clinux_address_set(&raw, address, address.count, port, scope) else { return nil }
    self.raw = raw
  }

  package var isIPv6: Bool { self.raw.u.any.sa_family == sa_family_t(AF_INET6) }

  /// 4 or 16 bytes, network order.
  package var address: [UInt8] {
    self.isIPv6
      ? withUnsafeBytes(of: self.raw.u.v6.sin6_addr) { Array($0) }
      : withUnsafeBytes(of: self.raw.u.v4.sin_addr) { Array($0) }
  }

  package var port: UInt16 {
    get { UInt16(bigEndian: self.isIPv6 ? self.raw.u.v6.sin6_port : self.raw.u.v4.sin_port) }
    set {
      if self.isIPv6 {
        self.raw.u.v6.sin6_port = newValue.bigEndian
      } else {
        self.raw.u.v4.sin_port = newValue.bigEndian
      }
    }
  }

  package var withoutPort: SocketAddress {
    var address = self
    address.port = 0
    return address
  }

  /// Interface index of a link-local IPv6 address, 0 for none.
  package var scope: UInt32 { self.isIPv6 ? self.raw.u.v6.sin6_scope_id : 0 }

  /// True for `0.0.0.0` and `::`.
  package var isWildcard: Bool {
    self.isIPv6
      ? withUnsafeBytes(of: self.raw.u.v6.sin6_addr) { $0.allSatisfy { $0 == 0 } }
      : self.raw.u.v4.sin_addr.s_addr == 0
  }

  /// The address from which the kernel would send to this one, with port 0; nil when there is no route.
  package var source: SocketAddress? {
    var found = clinux_address()
    let result = withUnsafePointer(to: self.raw) { clinux_source_address($0, &found) }
    return result == 0 ? SocketAddress(raw: found) : nil
  }

  package static func == (a: SocketAddress, b: SocketAddress) -> Bool {
    guard a.raw.u.any.sa_family == b.raw.u.any.sa_family else { return false }
    if a.isIPv6 {
      return withUnsafeBytes(of: a.raw.u.v6) { x in
        withUnsafeBytes(of: b.raw.u.v6) { y in memcmp(x.baseAddress!, y.baseAddress!, 28) == 0 }
      }
    }
    return a.raw.u.v4.sin_addr.s_addr == b.raw.u.v4.sin_addr.s_addr && a.raw.u.v4.sin_port == b.raw.u.v4.sin_port
  }

  package func hash(into hasher: inout Hasher) {
    if self.isIPv6 {
      withUnsafeBytes(of: self.raw.u.v6.sin6_addr) { hasher.combine(bytes: $0) }
    } else {
      hasher.combine(self.raw.u.v4.sin_addr.s_addr)
    }
    hasher.combine(self.port)
  }
}
