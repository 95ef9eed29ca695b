import Jansson
import P2PCore
import Testing

@testable import ManagementAPI
@testable import P2PHost

@Suite struct HealthAndMetricsTests {
  @Test("a node that listens and turns is live and ready") func healthy() async throws {
    let api = ManagementAPI.fake(FakeNode())
    for path in ["/livez", "/readyz"] {
      let answer = try await api.call("GET", path)
      #expect(answer.status == 200)
      #expect(answer.text == "ok\n")
    }
    #expect(
      try await api.call("GET", "/readyz?verbose").text
        == "[+]listening ok\n[+]event_loops ok\n[+]accepting ok\n[+]quorum ok\n[+]clocks ok\nreadyz check passed\n")
    let health = try await api.call("GET", "/v1/health").json
    #expect(health["status"] == "pass")
    #expect(
      health["checks"]?.elements.compactMap { $0["name"]?.text } == [
        "listening", "event_loops", "accepting", "quorum", "clocks",
      ])
  }

  @Test("a node without its quorum is alive but not ready, and says how many it lacks") func quorum() async throws {
    let node = FakeNode()
    node.state.withLock {
      $0.node.pinned = PinnedCounts(total: 8, connected: 5)
      $0.node.quorum = QuorumInfo(required: 6, isMet: false)
    }
    let api = ManagementAPI.fake(node)
    #expect(try await api.call("GET", "/livez").status == 200)
    let answer = try await api.call("GET", "/readyz")
    #expect(answer.status == 503)
    #expect(answer.text.contains("[-]quorum failed: 5 of 8 pinned peers are connected, 6 are needed"))
    #expect(try await api.call("GET", "/readyz?exclude=quorum").status == 200)
    node.state.withLock {
      $0.node.pinned = PinnedCounts(total: 8, connected: 7, agreed: 5, skewed: 2)
      $0.node.quorum.countsAgreements = true
    }
    let verbose = try await api.call("GET", "/readyz?verbose").text
    #expect(verbose.contains("[-]quorum failed: 5 of 8 pinned peers are agreed with (7 connected), 6 are needed"))
    // Off clocks are a warning only.
    #expect(verbose.contains("[+]clocks ok: the clocks of 2 of 5 pinned peers differ"))
    #expect(try await api.call("GET", "/metrics").text.contains("fednode_quorum_met 0"))
  }

  @Test("a draining node is live but not ready, and what is excluded does not count") func draining() async throws {
    let node = FakeNode()
    node.state.withLock { $0.node.draining = true }
    let api = ManagementAPI.fake(node)
    #expect(try await api.call("GET", "/livez").status == 200)
    let answer = try await api.call("GET", "/readyz")
    #expect(answer.status == 503)
    #expect(answer.text.contains("[-]accepting failed: the node is shutting down"))
    #expect(try await api.call("GET", "/readyz?exclude=accepting&exclude=listening").status == 200)
    let json = try await api.call("GET", "/readyz", headers: [("Accept", "application/json")])
    #expect(json.status == 503)
    #expect(try json.json["status"] == "fail")
    #expect(try await api.call("GET", "/v1/health").status == 200)
  }

  @Test("one deaf listener is a warning, all of them a failure") func listeners() async throws {
    let node = FakeNode()
    let deaf = ListenerStatus(address: Sample.address(), error: "address in use")
    node.state.withLock { $0.node.listeners.append(deaf) }
    let api = ManagementAPI.fake(node)
    let health = try await api.call("GET", "/v1/health").json
    #expect(health["status"] == "warn")
    #expect(health["checks"]?.elements.first?["detail"]?.text?.contains("address in use") == true)
    let since = health["checks"]?.elements.first?["since"]
    #expect(try await api.call("GET", "/readyz").status == 200)
    #expect(try await api.call("GET", "/v1/health").json["checks"]?.elements.first?["since"] == since)
    node.state.withLock { $0.node.listeners = [deaf] }
    #expect(try await api.call("GET", "/readyz").status == 503)
    node.state.withLock { $0.node.listeners = [] }
    #expect(try await api.call("GET", "/readyz").status == 503)
  }

  @Test("a stuck event loop is neither live nor ready, and probes do not pile up") func stuck() async throws {
    let (begun, begin) = AsyncStream<Void>.makeStream()
    let api = ManagementAPI.fake(FakeNode()) {
      begin.yield()
      // Does not heed cancellation, as a stuck loop does not.
      await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
      return true
    }
    #expect(try await api.call("GET", "/livez").status == 503)
    #expect(try await api.call("GET", "/readyz").status == 503)
    begin.finish()
    var probes = 0
    for await _ in begun { probes += 1 }
    #expect(probes == 1)
  }

  @Test("a loop that says no is not live") func saysNo() async throws {
    #expect(try await ManagementAPI.fake(FakeNode()) { false }.call("GET", "/livez").status == 503)
  }

  @Test("metrics are in the text format with one head per family") func metrics() async throws {
    let node = FakeNode()
    node.state.withLock { state in
      var (near, far, nameless) = (
        Sample.peerInfo(Sample.peer(1)), Sample.peerInfo(Sample.peer(2), .failed), Sample.peerInfo(Sample.peer(3))
      )
      (near.name, near.pinned) = ("fed-02", true)
      (far.name, far.pinned, far.rtt) = ("fed \"03\"", true, nil)
      nameless.pinned = true
      state.peers = [near, far, nameless, Sample.peerInfo(Sample.peer(4))]
      state.node.keeping = KeepingInfo(dials: 2, waiting: 3, blocklistEntries: 4, unknownPeers: 5)
    }
    let api = ManagementAPI.fake(node)
    _ = try await api.call("GET", "/nowhere")
    let text = try await api.call("GET", "/metrics").text
    for line in [
      "# TYPE libp2p_swarm_connections_opened_total counter",
      "libp2p_swarm_connections_opened_total{dir=\"inbound\",transport=\"quic-v1\"} 0",
      "libp2p_swarm_dial_errors_total{transport=\"quic-v1\",error=\"peer_id_mismatch\"} 0",
      "libp2p_swarm_handshake_latency_seconds_bucket{transport=\"quic-v1\",le=\"+Inf\"} 0",
      "fednode_peers{state=\"connected\"} 3", "fednode_connections{dir=\"outbound\"} 3", "fednode_streams 5",
      "fednode_listener_up{address=\"\(Sample.addressText)\"} 1", "fednode_build_info{version=\"1.2.3\"} 1",
      "fednode_api_requests_total{method=\"GET\",code=\"404\"} 1",
      "process_start_time_seconds 1769903999.123", "fednode_dials 2", "fednode_pinned_peers_waiting 3",
      "fednode_blocklist_entries 4", "fednode_unknown_peers 5", "fednode_dials_ended_total{outcome=\"failed\"} 0",
      "fednode_pinned_peer_connected{peer=\"fed-02\"} 1", "fednode_pinned_peer_connected{peer=\"fed \\\"03\\\"\"} 0",
      "fednode_pinned_peer_rtt_seconds{peer=\"fed-02\"} 0.001234",
    ] {
      #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)")
    }
    var families: Set<Substring> = []
    for line in text.split(separator: "\n") where line.hasPrefix("# HELP ") {
      #expect(families.insert(line.split(separator: " ")[2]).inserted, "\(line)")
    }
    #expect(families.count >= 12)
  }

  @Test("label values are escaped and histograms cumulative", arguments: [false, true])
  func format(isOpenMetrics: Bool) {
    var text = PrometheusText(isOpenMetrics: isOpenMetrics)
    text.family("a", .gauge, "A.", [([("l", "x\"\\\ny")], 0.5)])
    text.family("b_total", .counter, "B.", 7)
    text.histogram("h_seconds", "H.", labels: [], bounds: [0.5, 1], counts: [1, 2, 3], sum: 9.5)
    #expect(
      String(decoding: text.bytes, as: UTF8.self) == """
        # HELP a A.
        # TYPE a gauge
        a{l="x\\"\\\\\\ny"} 0.5
        # HELP b\(isOpenMetrics ? "" : "_total") B.
        # TYPE b\(isOpenMetrics ? "" : "_total") counter
        b_total 7
        # HELP h_seconds H.
        # TYPE h_seconds histogram
        h_seconds_bucket{le="0.5"} 1
        h_seconds_bucket{le="1\(isOpenMetrics ? ".0" : "")"} 3
        h_seconds_bucket{le="+Inf"} 6
        h_seconds_sum 9.5
        h_seconds_count 6
        \(isOpenMetrics ? "# EOF\n" : "")
        """)
  }
}
