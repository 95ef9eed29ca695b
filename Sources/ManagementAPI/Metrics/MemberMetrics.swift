internal import P2PCore
internal import P2PHost

// Pinned peers by the name that the configuration or an operator gave them. Peers cannot name themselves, so there are
// as many series as names.

extension MetricsText {
  /// What those without a name are counted under, all of them together.
  static let unnamed = "unknown"

  mutating func members(_ pinned: [PeerInfo]) {
    let groups = Dictionary(grouping: pinned) { $0.name ?? Self.unnamed }.sorted { $0.key < $1.key }
    self.family(
      "fednode_pinned_peer_state", .gauge,
      "How many pinned peers of that name, of which there is mostly one, are in the state; unknown: of those without.",
      groups.flatMap { name, peers in
        LinkState.allCases.map { state in
          ([("peer", name), ("state", state.rawValue)], Double(peers.count { $0.state == state }))
        }
      })
    self.family(
      "fednode_pinned_peer_paused", .gauge, "How many of them an operator keeps disconnected.",
      groups.map { name, peers in ([("peer", name)], Double(peers.count(where: \.paused))) })
    self.family(
      "fednode_pinned_peer_agreed", .gauge, "With how many of them the federation handshake holds.",
      groups.map { name, peers in ([("peer", name)], Double(peers.count { $0.agreement != nil })) })
    // Figures of one peer only where the name says which.
    let named = groups.compactMap { name, peers in
      peers.count == 1 && peers[0].name != nil ? (labels: [("peer", name)], peer: peers[0]) : nil
    }
    self.family(
      "fednode_pinned_peer_state_since_timestamp_seconds", .gauge,
      "When the pinned peer of that name came into its state, seconds since the Unix epoch.",
      named.map { ($0.labels, Double($0.peer.stateSince) / 1_000) })
    self.family(
      "fednode_pinned_peer_rtt_seconds", .gauge, "Smoothed round trip to it; absent while it is not connected.",
      named.compactMap { item in item.peer.rtt.map { (item.labels, $0 / .seconds(1)) } })
    self.family(
      "fednode_pinned_peer_clock_offset_seconds", .gauge, "Its clock minus this node's; absent until measured.",
      named.compactMap { item in
        item.peer.agreement?.clockOffset.map { (item.labels, Double($0) / 1_000) }
      })
    self.family(
      "fednode_pinned_peer_dial_failures", .gauge, "Dials of it that failed since it was last connected.",
      named.map { ($0.labels, Double($0.peer.failureCount)) })
    self.family(
      "fednode_pinned_peer_flaps_total", .counter, "Times that it went away unasked.",
      named.map { ($0.labels, Double($0.peer.flapCount)) })
  }
}
