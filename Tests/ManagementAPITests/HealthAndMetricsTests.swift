import Jansson
import P2PCore
import Synchronization
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

  @Test("probes that follow each other closely do not each ask the loops") func fresh() async throws {
    let asked = Atomic(0)
    let api = ManagementAPI.fake(FakeNode()) {
      asked.add(1, ordering: .relaxed)
      return true
    }
    for _ in 0..<100 { #expect(try await api.call("GET", "/livez").status == 200) }
    let count = asked.load(ordering: .relaxed)
    #expect(count >= 1 && count < 100)
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
      var (twin, other, named) = (near, near, Sample.peerInfo(Sample.peer(7)))
      (twin.name, other.name, named.name) = ("twin", "twin", "not pinned")
      state.peers = [near, far, nameless, twin, other, named, Sample.peerInfo(Sample.peer(4))]
      state.node.traffic.bytesIn = 7
      state.transport.retriesSent = 8
      state.transport.handshakesMax = 9
      state.node.keeping = KeepingInfo(dials: 2, waiting: 3, blocklistEntries: 4, unknownPeers: 5)
    }
    let api = ManagementAPI.fake(node)
    _ = try await api.call("GET", "/nowhere")
    _ = try await api.call("GET", "/v1/peers/\(Sample.peer(99))")
    let text = try await api.call("GET", "/metrics").text
    let quic = #"transport="quic-v1",security="",muxer="",early_muxer="false",ip_version="ip4""#
    for line in [
      "# TYPE libp2p_swarm_connections_opened_total counter",
      "libp2p_swarm_connections_opened_total{dir=\"inbound\",\(quic)} 0",
      "libp2p_swarm_dial_errors_total{transport=\"quic-v1\",error=\"peer_id_mismatch\",ip_version=\"ip4\"} 0",
      "libp2p_swarm_handshake_latency_seconds_bucket{\(quic),le=\"+Inf\"} 0",
      "libp2p_swarm_connection_duration_seconds_bucket{dir=\"inbound\",\(quic),le=\"1.048576e+06\"} 0",
      "libp2p_swarm_key_types_total{dir=\"outbound\",key_type=\"Ed25519\"} 0",
      "fednode_peers{state=\"connected\"} 3", "fednode_connections{dir=\"outbound\"} 3", "fednode_streams 5",
      "fednode_listener_up{address=\"\(Sample.addressText)\"} 1", "fednode_build_info{version=\"1.2.3\"} 1",
      "fednode_api_requests_total{method=\"GET\",route=\"none\",status=\"4xx\"} 1",
      "fednode_api_requests_total{method=\"GET\",route=\"/v1/peers/{peer_id}\",status=\"4xx\"} 1",
      "fednode_ready 1", "fednode_health_check_status{check=\"quorum\"} 0", "fednode_quic_retries_sent_total 8",
      "fednode_quic_bytes_total{dir=\"inbound\"} 7", "fednode_quic_handshakes_max 9",
      "process_start_time_seconds 1769903999.123", "fednode_dials 2", "fednode_pinned_peers_waiting 3",
      "fednode_blocklist_entries 4", "fednode_unknown_peers 5", "fednode_dials_ended_total{outcome=\"failed\"} 0",
      "fednode_pinned_peer_state{peer=\"fed-02\",state=\"connected\"} 1",
      "fednode_pinned_peer_state{peer=\"fed \\\"03\\\"\",state=\"failed\"} 1",
      "fednode_pinned_peer_state{peer=\"unknown\",state=\"connected\"} 1",
      "fednode_pinned_peer_state{peer=\"twin\",state=\"connected\"} 2",
      "fednode_pinned_peer_rtt_seconds{peer=\"fed-02\"} 0.001234",
    ] {
      #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)")
    }
    var families: Set<Substring> = []
    for line in text.split(separator: "\n") where line.hasPrefix("# HELP ") {
      #expect(families.insert(line.split(separator: " ")[2]).inserted, "\(line)")
    }
    #expect(families.count >= 70)
    #expect(!text.contains("not pinned"))
    #expect(!text.contains("fednode_pinned_peer_flaps_total{peer=\"twin\"}"))
  }

  @Test("OpenMetrics is what Prometheus prefers, and ends with EOF") func openMetrics() async throws {
    let api = ManagementAPI.fake(FakeNode())
    // As Prometheus 2.42 sends it.
    let accept =
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
      + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    let answer = try await api.call("GET", "/metrics", headers: [("Accept", accept)])
    #expect(answer["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    #expect(answer.text.hasSuffix("\n# EOF\n"))
    #expect(answer.text.contains("# TYPE libp2p_swarm_connections_opened counter\n"))
    #expect(answer.text.contains("\nlibp2p_swarm_connections_opened_total{"))
    let text = try await api.call("GET", "/metrics", headers: [("Accept", "*/*")])
    #expect(text["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
    #expect(!text.text.contains("EOF"))
  }

  @Test("a node whose loop is stuck still shows that it is") func stuckMetrics() async throws {
    let text = try await ManagementAPI.fake(FakeNode()) { false }.call("GET", "/metrics").text
    #expect(text.contains("\nfednode_ready 0\n"))
    #expect(text.contains("\nfednode_health_check_status{check=\"event_loops\"} 2\n"))
    #expect(!text.contains("fednode_peers"))
  }

  @Test("label values are escaped, histograms cumulative and bounds as Go writes them") func format() {
    var histogram = Histogram(bounds: [0.5, 1, 1_048_576, 3_000_000])
    for seconds in [0.5, 0.75, 1, 2, 4_000_000] { histogram.add(.seconds(seconds)) }
    var text = MetricsText(.prometheus)
    text.family("a", .gauge, "A.", [([("l", "x\"\\\ny")], 0.5)])
    text.histogram("h_seconds", "H.", [([], histogram)])
    text.family("c_total", .counter, "C.", 1)
    let expected = """
      # HELP a A.
      # TYPE a gauge
      a{l="x\\"\\\\\\ny"} 0.5
      # HELP h_seconds H.
      # TYPE h_seconds histogram
      h_seconds_bucket{le="0.5"} 1
      h_seconds_bucket{le="1"} 3
      h_seconds_bucket{le="1.048576e+06"} 4
      h_seconds_bucket{le="3e+06"} 4
      h_seconds_bucket{le="+Inf"} 5
      h_seconds_sum 4000004.25
      h_seconds_count 5
      # HELP c_total C.
      # TYPE c_total counter
      c_total 1

      """
    #expect(String(decoding: text.finish(), as: UTF8.self) == expected)
    var open = MetricsText(.openMetrics)
    open.histogram("h_seconds", "H.", [([("l", "x")], histogram)])
    open.family("c_total", .counter, "C.", 1)
    let lines = String(decoding: open.finish(), as: UTF8.self)
    #expect(lines.contains("h_seconds_bucket{l=\"x\",le=\"1.0\"} 3\n"))
    #expect(lines.hasSuffix("# HELP c C.\n# TYPE c counter\nc_total 1\n# EOF\n"))
  }
}
