internal import P2PCore
internal import P2PHost

// What only this node counts.

extension MetricsText {
  mutating func host(_ counters: HostCounters.Snapshot, eventsPublished: UInt64) {
    self.family(
      "fednode_dials_ended_total", .counter, "Dials as a whole, each of some addresses, by how they ended.",
      [DialInfo.State.connected, .failed, .cancelled].map {
        ([("outcome", $0.rawValue)], Double(counters.dialsEnded[$0] ?? 0))
      })
    self.family(
      "fednode_federation_handshakes_total", .counter,
      "Handshakes of the federation's protocol, by the stream's direction and how they ended.",
      counters.agreements.sorted {
        ($0.key.direction.rawValue, $0.key.result) < ($1.key.direction.rawValue, $1.key.result)
      }
      .map { ([("dir", $0.key.direction.rawValue), ("result", $0.key.result)], Double($0.value)) })
    for (name, help, count) in [
      ("connections_refused", "Inbound connections that were not accepted.", counters.connectionsRefused),
      ("streams_opened", "Inbound streams taken into negotiation.", counters.streamsOpened),
      ("streams_refused", "Inbound streams reset at once.", counters.streamsRefused),
      ("negotiations_failed", "Inbound streams that agreed on no protocol.", counters.negotiationsFailed),
      ("handlers_failed", "Inbound streams whose protocol handler failed.", counters.handlersFailed),
      (
        "connections_unhealthy", "Connections given up because pings had no answer.", counters.connectionsUnhealthy
      ),
      ("transport_events_dropped", "Transport events lost to a full queue.", counters.eventsDropped),
      ("events_published", "Events of this node, as /v1/events sends them.", eventsPublished),
    ] {
      self.family("fednode_\(name)_total", .counter, help, Double(count))
    }
  }

  mutating func node(_ node: NodeInfo) {
    self.family(
      "fednode_node_info", .gauge, "Constant 1 with the node's peer id and its federation's network.",
      [([("peer_id", "\(node.peerID)"), ("network", node.network ?? "")], 1)])
    self.family(
      "fednode_peers", .gauge, "Known peers by state.",
      LinkState.allCases.map { ([("state", $0.rawValue)], Double(node.peersByState[$0] ?? 0)) })
    self.family(
      "fednode_connections", .gauge, "Live connections by direction.",
      Direction.allCases.map { ([("dir", $0.rawValue)], Double(node.connectionsByDirection[$0] ?? 0)) })
    self.family("fednode_streams", .gauge, "Open streams.", Double(node.streams))
    // As many as the configuration has.
    self.family(
      "fednode_listener_up", .gauge, "1 where the node listens on the address.",
      node.listeners.map { ([("address", $0.address.description)], $0.error == nil ? 1 : 0) })
    self.family("fednode_pinned_peers", .gauge, "Peers that are to be kept connected.", Double(node.pinned.total))
    self.family(
      "fednode_pinned_peers_connected", .gauge, "Those of them that are.", Double(node.pinned.connected))
    self.family(
      "fednode_pinned_peers_agreed", .gauge, "Those whose federation handshake succeeded.", Double(node.pinned.agreed))
    self.family(
      "fednode_pinned_peers_waiting", .gauge, "Pinned peers that wait for their next dial.",
      Double(node.keeping.waiting))
    self.family(
      "fednode_quorum_required", .gauge, "Pinned peers that must be there to be ready.", Double(node.quorum.required))
    self.family(
      "fednode_quorum_present", .gauge, "Pinned peers that are there: agreed with, or connected where none need be.",
      Double(node.quorum.countsAgreements ? node.pinned.agreed : node.pinned.connected))
    self.family(
      "fednode_quorum_met", .gauge, "1 while enough are; a short dip does not count.", node.quorum.isMet ? 1 : 0)
    self.family(
      "fednode_limit_used", .gauge, "How much of each limit is used.",
      node.limits.map { ([("scope", $0.scope)], Double($0.used)) })
    self.family(
      "fednode_limit", .gauge, "Each limit; absent where there is none.",
      node.limits.compactMap { info in info.limit.map { ([("scope", info.scope)], Double($0)) } })
    self.family("fednode_dials", .gauge, "Dials under way.", Double(node.keeping.dials))
    self.family(
      "fednode_blocklist_entries", .gauge, "Peers and networks that are blocked.",
      Double(node.keeping.blocklistEntries))
    self.family(
      "fednode_unknown_peers", .gauge, "Strangers that were refused and are remembered.",
      Double(node.keeping.unknownPeers))
    self.family("fednode_draining", .gauge, "1 while the node shuts down.", node.draining ? 1 : 0)
  }

  mutating func health(_ checks: [HealthCheck], eventLoopLag: Duration?) {
    self.family(
      "fednode_ready", .gauge, "1 while /readyz answers 200.", checks.contains { $0.status == .fail } ? 0 : 1)
    self.family(
      "fednode_health_check_status", .gauge, "Of each check of /v1/health: 0 passed, 1 warning, 2 failed.",
      checks.map { ([("check", $0.name.rawValue)], Double($0.status.rawValue)) })
    self.family(
      "fednode_event_loop_lag_seconds", .gauge, "How long the event loop took to come round when it was last asked.",
      eventLoopLag.map { [([], $0 / .seconds(1))] } ?? [])
  }

  mutating func quic(_ traffic: Traffic, _ transport: TransportFigures) {
    func both(_ received: UInt64, _ sent: UInt64) -> [(Labels, Double)] {
      [([("dir", "inbound")], Double(received)), ([("dir", "outbound")], Double(sent))]
    }
    self.family(
      "fednode_quic_bytes_total", .counter, "Bytes of UDP payload on connections, both ways.",
      both(traffic.bytesIn, traffic.bytesOut))
    self.family(
      "fednode_quic_packets_total", .counter, "Packets on connections, both ways.",
      both(traffic.packetsIn, traffic.packetsOut))
    self.family(
      "fednode_quic_packets_lost_total", .counter, "Packets of ours that were declared lost (RFC 9002).",
      Double(traffic.packetsLost))
    for (name, help, count) in [
      ("datagrams_dropped", "Datagrams that belonged to no connection and began none.", transport.datagramsDropped),
      ("retries_sent", "Newcomers that were asked to prove their address.", transport.retriesSent),
      ("version_negotiations_sent", "Datagrams of another QUIC version, answered.", transport.versionNegotiationsSent),
      ("stateless_resets_sent", "Packets of connections that are gone, answered.", transport.statelessResetsSent),
      ("handshakes_refused", "Inbound connections refused before their handshake.", transport.handshakesRefused),
      ("handshakes_failed", "Inbound handshakes that came to no connection.", transport.handshakesFailed),
    ] {
      self.family("fednode_quic_\(name)_total", .counter, help, Double(count))
    }
    for (name, maximum, help, used, limit) in [
      (
        "handshakes", "handshakes_max", "Inbound handshakes under way", Double(transport.handshakes),
        transport.handshakesMax.map { Double($0) }
      ),
      (
        "certificates_cached", "certificates_cached_max", "Certificates of peers that are remembered",
        Double(transport.certificates), transport.certificatesMax.map { Double($0) }
      ),
      (
        "buffers_reserved_bytes", "buffers_max_bytes", "Memory set aside for what peers may send",
        Double(transport.buffersReserved), transport.buffersMax.map { Double($0) }
      ),
    ] {
      self.family("fednode_quic_\(name)", .gauge, help + ".", used)
      self.family(
        "fednode_quic_\(maximum)", .gauge, help + ", at most; absent where there is no limit.",
        limit.map { [([], $0)] } ?? [])
    }
  }

  /// By the first id of each handler; ids are the node's own, so there are as many as it registers.
  mutating func protocols(_ protocols: [ProtocolInfo]) {
    var sums: [(name: String, info: ProtocolInfo)] = []
    for info in protocols {
      guard let name = info.ids.first else { continue }
      // One that was withdrawn and registered anew is one series.
      if let index = sums.firstIndex(where: { $0.name == name }) {
        sums[index].info.add(info)
      } else {
        sums.append((name, info))
      }
    }
    func counts(
      _ label: String, _ names: [String], _ counts: (ProtocolInfo) -> [UInt64]
    ) -> [(Labels, Double)] {
      sums.flatMap { name, info in
        zip(names, counts(info)).map { ([("protocol", name), (label, $0)], Double($1)) }
      }
    }
    self.family(
      "fednode_protocol_streams", .gauge, "Inbound streams that are open.",
      sums.map { ([("protocol", $0.name)], Double($0.info.open)) })
    self.family(
      "fednode_protocol_streams_opened_total", .counter, "Inbound streams handed to the protocol's handler.",
      sums.map { ([("protocol", $0.name)], Double($0.info.opened)) })
    self.family(
      "fednode_protocol_streams_refused_total", .counter, "Inbound streams above a limit of the protocol.",
      counts("reason", StreamRefusalReason.allCases.map(\.rawValue), \.refused))
    self.family(
      "fednode_protocol_resets_total", .counter, "Inbound streams that either side reset, by code.",
      counts("code", StreamCode.names, \.resets))
  }
}
