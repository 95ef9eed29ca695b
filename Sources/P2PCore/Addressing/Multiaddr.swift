/// A self-describing address (multiformats: multiaddr), text and binary.
package struct Multiaddr: Hashable, Sendable, CustomStringConvertible {
  /// The binary form.
  package let bytes: [UInt8]

  package init(_ text: String) throws(MultiaddrError) { self.bytes = Array(text.utf8) }
  package init(bytes: [UInt8]) throws(MultiaddrError) { self.bytes = bytes }
  /// `/ip4|ip6[zone]/…/udp/…/quic-v1`
  package init(quic endpoint: IPEndpoint) { self.bytes = [] }

  /// The canonical text.
  package var description: String { "" }
  /// From a trailing `/p2p/…`.
  package var peerID: PeerID? { nil }
  /// Without a trailing `/p2p/…`.
  package var withoutPeerID: Multiaddr { self }
  package func with(peerID: PeerID) -> Multiaddr { self }

  /// What a node that speaks only QUIC v1 does with this address, or a refusal with the contract's class
  /// (`invalid_address`, `unsupported_transport`) that says what it is and what would do.
  package func quicTarget() throws(DialError) -> QUICTarget { throw DialError(.invalidAddress, "", temporary: false) }
}

/// Where a QUIC v1 address leads.
package enum QUICTarget: Hashable, Sendable {
  case endpoint(IPEndpoint)
  /// `/dns|dns4|dns6/<name>/udp/<port>/quic-v1`
  case name(String, family: NameFamily, port: UInt16)
  /// `/dnsaddr/<name>`
  case dnsaddr(String)

  package enum NameFamily: Hashable, Sendable { case any, ipv4, ipv6 }
}

package struct MultiaddrError: Error, Sendable, Hashable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
