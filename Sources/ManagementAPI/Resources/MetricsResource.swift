internal import MicroHTTP
internal import P2PCore
internal import P2PHost

/// `GET /metrics`. Names and labels of `libp2p_swarm_*` are go-libp2p's, where they mean the same.
struct MetricsResource: Sendable {
  let node: any NodeControl
  let version: String
  let hub: EventHub
  let requests: RequestCounter

  var routes: [Route] { [Route("GET", "/metrics", produces: [MediaType.text, MediaType.openMetrics], self.get)] }

  private static let transport = ("transport", "quic-v1")

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    var text = PrometheusText(isOpenMetrics: request.mediaType == MediaType.openMetrics)
    self.swarm(&text)
    self.state(&text, await self.node.node())
    var pinned = PeerQuery()
    pinned.pinned = [true]
    self.pinned(&text, await self.node.peers(pinned).items)
    self.protocols(&text, await self.node.protocols())
    self.own(&text)
    return request.text(text.bytes, type: text.contentType)
  }

  private func swarm(_ text: inout PrometheusText) {
    let counters = self.node.counters.snapshot()
    func byDirection(_ counts: [Direction: UInt64]) -> [(PrometheusText.Labels, Double)] {
      Direction.allCases.map { ([("dir", $0.rawValue), Self.transport], Double(counts[$0] ?? 0)) }
    }
    text.family(
      "libp2p_swarm_connections_opened_total", .counter, "Connections opened.",
      byDirection(counters.connectionsOpened))
    text.family(
      "libp2p_swarm_connections_closed_total", .counter, "Connections closed.",
      byDirection(counters.connectionsClosed))
    text.family(
      "libp2p_swarm_dial_errors_total", .counter, "Addresses that could not be dialled, by class of error.",
      DialErrorClass.allCases.map {
        ([Self.transport, ("error", $0.rawValue)], Double(counters.dialErrors[$0] ?? 0))
      })
    text.family(
      "fednode_dials_ended_total", .counter, "Dials as a whole, each of some addresses, by how they ended.",
      [DialInfo.State.connected, .failed, .cancelled].map {
        ([("outcome", $0.rawValue)], Double(counters.dialsEnded[$0] ?? 0))
      })
    text.family(
      "fednode_federation_handshakes_total", .counter,
      "Handshakes of the federation's protocol, by the stream's direction and how they ended.",
      counters.agreements.sorted {
        ($0.key.direction.rawValue, $0.key.result) < ($1.key.direction.rawValue, $1.key.result)
      }
      .map { ([("dir", $0.key.direction.rawValue), ("result", $0.key.result)], Double($0.value)) })
    let handshake = counters.handshakeLatency
    text.histogram(
      "libp2p_swarm_handshake_latency_seconds", "Duration of successful handshakes.", labels: [Self.transport],
      bounds: handshake.bounds, counts: handshake.counts, sum: handshake.sum)
    let duration = counters.connectionDuration
    text.histogram(
      "libp2p_swarm_connection_duration_seconds", "How long closed connections had lived.",
      labels: [Self.transport], bounds: duration.bounds, counts: duration.counts, sum: duration.sum)
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
    ] {
      text.family("fednode_\(name)_total", .counter, help, Double(count))
    }
  }

  private func state(_ text: inout PrometheusText, _ node: NodeInfo) {
    text.family(
      "fednode_peers", .gauge, "Known peers by state.",
      LinkState.allCases.map { ([("state", $0.rawValue)], Double(node.peersByState[$0] ?? 0)) })
    text.family(
      "fednode_connections", .gauge, "Live connections by direction.",
      Direction.allCases.map { ([("dir", $0.rawValue)], Double(node.connectionsByDirection[$0] ?? 0)) })
    text.family("fednode_streams", .gauge, "Open streams.", Double(node.streams))
    // As many as the configuration has.
    text.family(
      "fednode_listener_up", .gauge, "1 where the node listens on the address.",
      node.listeners.map { ([("address", $0.address.description)], $0.error == nil ? 1 : 0) })
    text.family("fednode_pinned_peers", .gauge, "Peers that are to be kept connected.", Double(node.pinned.total))
    text.family(
      "fednode_pinned_peers_connected", .gauge, "Those of them that are.", Double(node.pinned.connected))
    text.family(
      "fednode_pinned_peers_agreed", .gauge, "Those whose federation handshake succeeded.", Double(node.pinned.agreed))
    text.family(
      "fednode_quorum_required", .gauge, "Pinned peers that must be connected to be ready.",
      Double(node.quorum.required))
    text.family("fednode_quorum_met", .gauge, "1 while enough are.", node.quorum.isMet ? 1 : 0)
    text.family(
      "fednode_limit_used", .gauge, "How much of each limit is used.",
      node.limits.map { ([("scope", $0.scope)], Double($0.used)) })
    text.family(
      "fednode_limit", .gauge, "Each limit; absent where there is none.",
      node.limits.compactMap { info in info.limit.map { ([("scope", info.scope)], Double($0)) } })
    text.family("fednode_dials", .gauge, "Dials under way.", Double(node.keeping.dials))
    text.family(
      "fednode_pinned_peers_waiting", .gauge, "Pinned peers that wait for their next dial.",
      Double(node.keeping.waiting))
    text.family(
      "fednode_blocklist_entries", .gauge, "Peers and networks that are blocked.",
      Double(node.keeping.blocklistEntries))
    text.family(
      "fednode_unknown_peers", .gauge, "Strangers that were refused and are remembered.",
      Double(node.keeping.unknownPeers))
    text.family("fednode_draining", .gauge, "1 while the node shuts down.", node.draining ? 1 : 0)
    text.family(
      "fednode_build_info", .gauge, "Constant 1 with the version in its label.", [([("version", self.version)], 1)])
    text.family(
      "process_start_time_seconds", .gauge, "Start of the node in seconds since the Unix epoch.",
      Double(node.startedAt) / 1_000)
  }

  /// By the name that the configuration or an operator gave; those without one are in the sums above.
  private func pinned(_ text: inout PrometheusText, _ peers: [PeerInfo]) {
    var names: Set<String> = []
    let named = peers.compactMap { peer in peer.name.map { (labels: [("peer", $0)], peer: peer) } }
      // Two of one name would be one series twice.
      .filter { names.insert($0.labels[0].1).inserted }
    text.family(
      "fednode_pinned_peer_connected", .gauge, "1 while the pinned peer of that name is connected.",
      named.map { ($0.labels, $0.peer.state == .connected ? 1 : 0) })
    text.family(
      "fednode_pinned_peer_rtt_seconds", .gauge, "Smoothed round trip to it; absent while it is not connected.",
      named.compactMap { item in item.peer.rtt.map { (item.labels, $0 / .seconds(1)) } })
    text.family(
      "fednode_pinned_peer_agreed", .gauge, "1 while the federation handshake with it holds.",
      named.map { ($0.labels, $0.peer.agreement == nil ? 0 : 1) })
    text.family(
      "fednode_pinned_peer_clock_offset_seconds", .gauge, "Its clock minus this node's; absent until measured.",
      named.compactMap { item in
        item.peer.agreement?.clockOffset.map { (item.labels, Double($0) / 1_000) }
      })
    text.family(
      "fednode_pinned_peer_flaps_total", .counter, "Times that it went away unasked.",
      named.map { ($0.labels, Double($0.peer.flapCount)) })
  }

  /// By the first id of each handler; ids are the node's own, so there are as many as it registers.
  private func protocols(_ text: inout PrometheusText, _ protocols: [ProtocolInfo]) {
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
    ) -> [(PrometheusText.Labels, Double)] {
      sums.flatMap { name, info in
        zip(names, counts(info)).map { ([("protocol", name), (label, $0)], Double($1)) }
      }
    }
    text.family(
      "fednode_protocol_streams", .gauge, "Inbound streams that are open.",
      sums.map { ([("protocol", $0.name)], Double($0.info.open)) })
    text.family(
      "fednode_protocol_streams_opened_total", .counter, "Inbound streams handed to the protocol's handler.",
      sums.map { ([("protocol", $0.name)], Double($0.info.opened)) })
    text.family(
      "fednode_protocol_streams_refused_total", .counter, "Inbound streams above a limit of the protocol.",
      counts("reason", StreamRefusalReason.allCases.map(\.rawValue), \.refused))
    text.family(
      "fednode_protocol_resets_total", .counter, "Inbound streams that either side reset, by code.",
      counts("code", StreamCode.names, \.resets))
  }

  private func own(_ text: inout PrometheusText) {
    text.family(
      "fednode_api_requests_total", .counter, "Requests to this API that were answered.",
      self.requests.snapshot.map { key, count in
        ([("method", key.method), ("code", String(key.status))], Double(count))
      })
    text.family(
      "fednode_api_event_readers", .gauge, "Clients that follow the events.", Double(self.hub.readerCount))
    text.family(
      "fednode_api_event_resets_total", .counter, "Times that a client was too slow for the events.",
      Double(self.hub.resetCount))
    let process = ProcessFigures()
    text.family(
      "process_cpu_seconds_total", .counter, "Processor time used, user and system.", process.cpuSeconds)
    if let bytes = process.residentBytes {
      text.family("process_resident_memory_bytes", .gauge, "Resident memory.", Double(bytes))
    }
  }
}
