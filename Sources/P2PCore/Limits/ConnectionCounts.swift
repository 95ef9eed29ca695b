/// How many connections are open, in all the ways that limits ask for. Every question and change is O(1); memory
/// follows what is open.
///
/// Addresses and subnets count inbound connections only: whom we dial is our choice. Loopback is exempt from both,
/// because all that runs on this machine shares it and nobody else has it. IPv4 in IPv6 form counts as IPv4.
package struct ConnectionCounts: Sendable, Hashable {
  /// Subnets as providers hand them to one customer, bits.
  package static let subnetPrefixIPv4 = 24
  package static let subnetPrefixIPv6 = 56

  package private(set) var inbound = 0
  package private(set) var outbound = 0
  private var peers: [PeerID: Int] = [:]
  private var addresses: [[UInt8]: Int] = [:]
  private var subnets: [IPNetwork: Int] = [:]

  package init() {}

  package var total: Int { self.inbound + self.outbound }

  /// Counters that are kept: none when nothing is open.
  package var counters: Int { self.peers.count + self.addresses.count + self.subnets.count }

  package func connections(with peer: PeerID) -> Int { self.peers[peer] ?? 0 }

  /// `ip` has 4 or 16 bytes; anything else (a transport without IP) is not counted by address.
  package mutating func opened(_ direction: Direction, peer: PeerID, ip: [UInt8]) {
    self.change(direction, peer: peer, ip: ip, by: 1)
  }

  /// With what was given to `opened`, also where the remote has moved to another address since. A connection that
  /// was never opened is the host's own mistake and traps.
  package mutating func closed(_ direction: Direction, peer: PeerID, ip: [UInt8]) {
    self.change(direction, peer: peer, ip: ip, by: -1)
  }

  /// Why one more connection would be too many; nil when it would not. Pinned peers are exempt from the limits by
  /// address and subnet.
  package func refusal(
    _ direction: Direction, peer: PeerID, ip: [UInt8], isPinned: Bool, under limits: ConnectionLimits
  ) -> LimitRefusal? {
    func judge(_ key: String, _ used: Int, _ limit: Int, _ what: @autoclosure () -> String) -> LimitRefusal? {
      guard limit > 0, used >= limit else { return nil }
      return LimitRefusal(key: "limits.\(key)", used: used, limit: limit, what: what())
    }
    if let refusal = judge(
      "connections_per_peer", self.connections(with: peer), limits.perPeer, "connections with \(peer)")
    {
      return refusal
    }
    if !isPinned, let place = Self.place(direction, ip) {
      let used = self.addresses[place.address] ?? 0
      let from = { (text: String) in "inbound connections from \(text)" }
      if let refusal = judge("connections_per_ip", used, limits.perIP, from(IPText.format(place.address))) {
        return refusal
      }
      let usedSubnet = self.subnets[place.subnet] ?? 0
      if let refusal = judge("connections_per_subnet", usedSubnet, limits.perSubnet, from("\(place.subnet)")) {
        return refusal
      }
    }
    let directed =
      switch direction {
      case .inbound: judge("connections_inbound", self.inbound, limits.inbound, "inbound connections")
      case .outbound: judge("connections_outbound", self.outbound, limits.outbound, "outbound connections")
      }
    return directed ?? judge("connections", self.total, limits.total, "connections")
  }

  private mutating func change(_ direction: Direction, peer: PeerID, ip: [UInt8], by step: Int) {
    switch direction {
    case .inbound: self.inbound += step
    case .outbound: self.outbound += step
    }
    precondition(self.inbound >= 0 && self.outbound >= 0, "a connection closed that was never opened")
    Self.add(step, to: &self.peers, peer)
    guard let place = Self.place(direction, ip) else { return }
    Self.add(step, to: &self.addresses, place.address)
    Self.add(step, to: &self.subnets, place.subnet)
  }

  private static func add<Key>(_ step: Int, to counters: inout [Key: Int], _ key: Key) {
    let count = (counters[key] ?? 0) + step
    precondition(count >= 0, "a connection closed that was never opened")
    counters[key] = count == 0 ? nil : count
  }

  /// Where a connection is counted by address; nil for those that are not.
  private static func place(_ direction: Direction, _ ip: [UInt8]) -> (address: [UInt8], subnet: IPNetwork)? {
    guard direction == .inbound, ip.count == 4 || ip.count == 16, AddressScope(ip: ip) != .loopback else { return nil }
    let address = IPEndpoint.unmapped(ip)
    let prefix = address.count == 4 ? Self.subnetPrefixIPv4 : Self.subnetPrefixIPv6
    return (address, IPNetwork(of: address, prefixLength: prefix))
  }
}
