internal import P2PCore
internal import P2PHost

// What go-libp2p counts as well, under its names and labels (go-libp2p: p2p/net/swarm/swarm_metrics.go). Security and
// muxer are part of QUIC, for which go-libp2p leaves them empty. The values of `error` are our own classes.

extension MetricsText {
  private static let transport = ("transport", "quic-v1")
  private static let quic = [transport, ("security", ""), ("muxer", ""), ("early_muxer", "false")]

  private static func labels(_ version: HostCounters.IPVersion) -> Labels {
    Self.quic + [("ip_version", version.rawValue)]
  }

  private static func labels(_ kind: HostCounters.ConnectionKind) -> Labels {
    [("dir", kind.direction.rawValue)] + Self.labels(kind.ipVersion)
  }

  mutating func swarm(_ counters: HostCounters.Snapshot) {
    let kinds = HostCounters.ConnectionKind.all
    self.family(
      "libp2p_swarm_connections_opened_total", .counter, "Connections opened.",
      kinds.map { (Self.labels($0), Double(counters.connectionsOpened[$0] ?? 0)) })
    self.family(
      "libp2p_swarm_connections_closed_total", .counter, "Connections closed.",
      kinds.map { (Self.labels($0), Double(counters.connectionsClosed[$0] ?? 0)) })
    self.family(
      "libp2p_swarm_key_types_total", .counter, "Connections opened, by the type of the remote's identity key.",
      HostCounters.RemoteKey.all.map { key in
        (
          [("dir", key.direction.rawValue), ("key_type", Self.name(of: key.type))], Double(counters.keyTypes[key] ?? 0)
        )
      })
    self.histogram(
      "libp2p_swarm_handshake_latency_seconds", "Duration of successful handshakes.",
      [HostCounters.IPVersion.ip4, .ip6].map { version in
        let none = Histogram(bounds: HostCounters.handshakeLatencyBounds)
        return (Self.labels(version), counters.handshakeLatency[version] ?? none)
      })
    self.histogram(
      "libp2p_swarm_connection_duration_seconds", "How long closed connections had lived.",
      kinds.map { kind in
        let none = Histogram(bounds: HostCounters.connectionDurationBounds)
        return (Self.labels(kind), counters.connectionDuration[kind] ?? none)
      })
    self.dials(counters)
  }

  private mutating func dials(_ counters: HostCounters.Snapshot) {
    self.family(
      "libp2p_swarm_dial_errors_total", .counter, "Addresses that could not be dialled, by class of error.",
      HostCounters.DialFailure.all.map { failure in
        (
          [Self.transport, ("error", failure.class.rawValue), ("ip_version", failure.ipVersion.rawValue)],
          Double(counters.dialErrors[failure] ?? 0)
        )
      })
    // As many as there are outcomes and numbers; go-libp2p, too, shows those that came to be.
    let outcomes = counters.dialLatency.map { outcome, latency in
      let most = HostCounters.DialOutcome.addressesMax
      let labels = [
        ("outcome", outcome.isConnected ? "success" : "failed"),
        ("num_dials", outcome.addresses < most ? String(outcome.addresses) : ">=\(most)"),
      ]
      return (labels: labels, latency: latency)
    }.sorted { ($0.labels[0].1, $0.labels[1].1) < ($1.labels[0].1, $1.labels[1].1) }
    self.family(
      "libp2p_swarm_dials_per_peer_total", .counter, "Dials, by outcome and number of addresses tried.",
      outcomes.map { ($0.labels, Double($0.latency.count)) })
    self.histogram(
      "libp2p_swarm_dial_latency_seconds", "Duration of dials, by outcome and number of addresses tried.",
      outcomes.map { ($0.labels, $0.latency) })
    self.histogram(
      "libp2p_swarm_dial_ranking_delay_seconds", "From the start of a dial to that of the attempt that connected.",
      [([], counters.dialRankingDelay)])
  }

  /// As go-libp2p has it.
  private static func name(of type: KeyType) -> String {
    switch type {
    case .rsa: "RSA"
    case .ed25519: "Ed25519"
    case .secp256k1: "Secp256k1"
    case .ecdsa: "ECDSA"
    }
  }
}
