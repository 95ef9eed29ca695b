/// An address of a peer and how long after the others' start its own attempt begins.
package struct RankedAddress: Sendable, Hashable {
  package let address: Multiaddr
  package let delay: Duration

  package init(address: Multiaddr, delay: Duration) {
    self.address = address
    self.delay = delay
  }
}

/// In which order the addresses of one peer are dialled, after Happy Eyeballs (RFC 8305) as libp2p implementations
/// do it for QUIC: IPv6 first, soon IPv4, then the rest one by one, so that few attempts are in vain and none that
/// would have worked is waited for long.
package enum DialRanking {
  /// Between two attempts over the internet: about a round trip (RFC 8305 §5).
  package static let publicStagger: Duration = .milliseconds(250)
  /// Between two attempts within one site or machine.
  package static let privateStagger: Duration = .milliseconds(30)
  /// Latest start of an attempt: half of the time that a dial has, so that the last ones get a turn.
  package static let delayMaximum: Duration = .seconds(5)

  /// Ranks addresses of QUIC v1, the earliest first. Private and public ones are dialled side by side. Within each
  /// group come those that worked last time, then IPv6, then low ports, which are likelier to be listened on, then
  /// the order given; the second one is of the other family than the first where there is one. Names, which should
  /// have been resolved before, start at once. Of addresses that differ only in `/p2p` the first is kept.
  package static func rank(_ addresses: [Multiaddr], lastWorked: (Multiaddr) -> Bool) -> [RankedAddress] {
    var seen: Set<Multiaddr> = []
    var near: [Candidate] = []
    var far: [Candidate] = []
    var ranked: [RankedAddress] = []
    for address in addresses where seen.insert(address.withoutPeerID).inserted {
      guard let candidate = Candidate(address, order: seen.count, worked: lastWorked(address)) else {
        ranked.append(RankedAddress(address: address, delay: .zero))
        continue
      }
      if candidate.scope == .global { far.append(candidate) } else { near.append(candidate) }
    }
    ranked += Self.stagger(near, by: Self.privateStagger) + Self.stagger(far, by: Self.publicStagger)
    return ranked.enumerated()
      .sorted { ($0.element.delay, $0.offset) < ($1.element.delay, $1.offset) }
      .map(\.element)
  }

  private struct Candidate {
    let address: Multiaddr
    let scope: AddressScope
    let isIPv6: Bool
    /// Low sorts first: those that did not work, the family, the port, the place in the list.
    let key: (Int, Int, UInt16, Int)

    /// Nil for what is no IP address.
    init?(_ address: Multiaddr, order: Int, worked: Bool) {
      let components = address.components
      guard let host = components.first(where: { $0.protocol == .ip4 || $0.protocol == .ip6 }) else { return nil }
      self.address = address
      self.scope = AddressScope(ip: host.value)
      self.isIPv6 = host.protocol == .ip6
      let port = components.first { $0.protocol == .udp }?.port ?? 0
      self.key = (worked ? 0 : 1, self.isIPv6 ? 0 : 1, port, order)
    }
  }

  private static func stagger(_ candidates: [Candidate], by stagger: Duration) -> [RankedAddress] {
    var sorted = candidates.sorted { $0.key < $1.key }
    if let first = sorted.first, let other = sorted.firstIndex(where: { $0.isIPv6 != first.isIPv6 }) {
      sorted.insert(sorted.remove(at: other), at: 1)
    }
    return sorted.enumerated().map { index, candidate in
      RankedAddress(address: candidate.address, delay: min(stagger * index, Self.delayMaximum))
    }
  }
}
