/// How many connections a node keeps. In each, 0 is no limit.
package struct ConnectionLimits: Sendable, Hashable {
  /// `limits.connections`
  package var total: Int
  /// `limits.connections_inbound`
  package var inbound: Int
  /// `limits.connections_outbound`
  package var outbound: Int
  /// `limits.connections_per_peer`
  package var perPeer: Int
  /// Inbound ones from one address. `limits.connections_per_ip`
  package var perIP: Int
  /// Inbound ones from one IPv4 /24 or IPv6 /56. `limits.connections_per_subnet`
  package var perSubnet: Int

  package init(total: Int, inbound: Int, outbound: Int, perPeer: Int, perIP: Int, perSubnet: Int) {
    self.total = total
    self.inbound = inbound
    self.outbound = outbound
    self.perPeer = perPeer
    self.perIP = perIP
    self.perSubnet = perSubnet
  }

  package static let unlimited = Self(total: 0, inbound: 0, outbound: 0, perPeer: 0, perIP: 0, perSubnet: 0)

  /// What one peer may hold: two while simultaneous dials settle, or while a connection that its restart left
  /// behind waits for its idle timeout.
  package static let perPeerDefault = 2
  /// Room for peers that are no members.
  package static let guests = 128
  /// A site of eight peers behind one address.
  package static let perIPDefault = 16
  /// A few such sites in one subnet. Members are pinned and do not count on it.
  package static let perSubnetMinimum = 64
  /// Largest size that limits are derived from.
  package static let federationSizeMaximum = 100_000

  /// The defaults for a federation of `size` members: two connections for each in either direction, room for
  /// guests, and, when guests have taken every inbound place, still one outbound connection to each member.
  package static func derived(fromFederationSize size: Int) -> ConnectionLimits {
    let size = min(max(size, 1), Self.federationSizeMaximum)
    let oneWay = Self.perPeerDefault * size + Self.guests
    return ConnectionLimits(
      total: oneWay + size, inbound: oneWay, outbound: oneWay, perPeer: Self.perPeerDefault, perIP: Self.perIPDefault,
      perSubnet: max(Self.perSubnetMinimum, size))
  }
}
