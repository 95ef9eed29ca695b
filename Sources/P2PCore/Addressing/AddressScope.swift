/// How far an IP address reaches. IPv4 in IPv6 form (::ffff:0:0/96) is judged as IPv4.
package enum AddressScope: Sendable, Hashable, CaseIterable {
  /// 0.0.0.0, `::`
  case unspecified
  /// 127/8, `::1`
  case loopback
  /// 169.254/16 (RFC 3927), fe80::/10
  case linkLocal
  /// RFC 1918, shared address space (RFC 6598), unique local addresses (RFC 4193)
  case privateUse
  /// 224/4, ff00::/8
  case multicast
  /// 255.255.255.255
  case broadcast
  /// All others.
  case global

  /// `ip` has 4 or 16 bytes.
  package init(ip: [UInt8]) {
    let endpoint = IPEndpoint(address: IPEndpoint.unmapped(ip), port: 0)
    self =
      if endpoint.isUnspecified {
        .unspecified
      } else if endpoint.isLoopback {
        .loopback
      } else if endpoint.isLinkLocal {
        .linkLocal
      } else if endpoint.isPrivate {
        .privateUse
      } else if endpoint.isMulticast {
        .multicast
      } else if endpoint.isBroadcast {
        .broadcast
      } else {
        .global
      }
  }
}

extension IPEndpoint {
  package var scope: AddressScope { AddressScope(ip: self.address) }

  /// The four bytes of an IPv4 address in IPv6 form; any other address as it is.
  package static func unmapped(_ address: [UInt8]) -> [UInt8] {
    address.count == 16 && address.starts(with: IPText.mappedPrefix) ? Array(address[12...]) : address
  }
}
