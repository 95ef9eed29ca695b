/// Where a QUIC v1 address leads.
package enum QUICTarget: Hashable, Sendable {
  case endpoint(IPEndpoint)
  /// `/dns|dns4|dns6/<name>/udp/<port>/quic-v1`
  case name(String, family: NameFamily, port: UInt16)
  /// `/dnsaddr/<name>`; see `Multiaddr.isAnswer(to:)`.
  case dnsaddr(String)

  package enum NameFamily: Hashable, Sendable { case any, ipv4, ipv6 }
}
