import Jansson
import P2PCore
import Testing

@testable import ManagementAPI
@testable import P2PHost

@Suite struct ResourcesTests {
  @Test("the node shows what it is, and zeroes for what it counted") func node() async throws {
    let node = FakeNode()
    let json = try await ManagementAPI.fake(node).call("GET", "/v1/node").json
    #expect(json["peer_id"] == .string("\(node.localPeer)"))
    #expect(json["public_key"] == "CAESIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB")
    #expect(json["version"] == "1.2.3")
    #expect(json["started_at"] == .string(Sample.timeText))
    #expect(json["listeners"] == [["address": .string(Sample.addressText), "error": nil]])
    #expect(json["observed_addresses"] == [["address": .string(Sample.addressText), "observers": 2]])
    let none: JSON = ["idle": 0, "connecting": 0, "connected": 3, "disconnecting": 0, "failed": 0]
    #expect(json["counts"]?["peers"] == none)
    #expect(json["counts"]?["connections"]?["direction"] == ["inbound": 1, "outbound": 3])
    #expect(json["counts"]?["streams"] == 5)
  }

  @Test("a peer has every field, null where nothing is known") func peer() async throws {
    let node = FakeNode()
    let id = Sample.peer(1)
    node.state.withLock { $0.peers = [Sample.peerInfo(id)] }
    let api = ManagementAPI.fake(node)
    let expected: JSON = [
      "peer_id": .string("\(id)"), "name": nil, "state": "connected", "state_since": .string(Sample.timeText),
      "pinned": false, "paused": false, "blocked": false,
      "direction": "outbound", "agent_version": nil, "protocols": ["/ipfs/id/1.0.0"], "connections": ["c-1"],
      "first_seen_at": .string(Sample.timeText), "last_seen_at": nil, "connected_at": nil,
      "last_disconnect": [
        "at": .string(Sample.timeText), "reason": "idle_timeout", "code": nil, "initiator": "none",
      ], "flap_count": 1, "rtt_ms": 1.234, "bytes_in": 10, "bytes_out": 20,
      "next_attempt_at": nil, "backoff_ms": nil, "failure_count": 0,
      "federation": nil, "federation_error": nil,
      "addresses": [
        [
          "address": .string(Sample.addressText), "source": "dial", "last_attempt_at": .string(Sample.timeText),
          "last_success_at": nil, "last_error": ["class": "refused", "detail": "nobody there"],
        ]
      ],
    ]
    #expect(try await api.call("GET", "/v1/peers/\(id)").json == expected)
    // The same peer under its other name.
    #expect(try await api.call("GET", "/v1/peers/\(id.cid)").json == expected)
    #expect(try await api.call("GET", "/v1/peers").json == ["items": [expected], "total": 1, "next_cursor": nil])
    node.state.withLock { state in
      state.peers[0].agreement = PeerAgreement(
        version: "1.0.0", network: "signet", capabilities: ["x"], agent: "other/1", frameLimit: 4_096, clockOffset: -7,
        since: Sample.time)
      state.peers[0].agreementFailure = PeerAgreementFailure(
        code: "busy", detail: "later", by: .remote, isPermanent: false, at: Sample.time)
    }
    let json = try #require(try await api.call("GET", "/v1/peers/\(id)").json)
    #expect(
      json["federation"] == [
        "version": "1.0.0", "network": "signet", "capabilities": ["x"], "agent": "other/1", "frame_limit": 4_096,
        "clock_offset_ms": -7, "since": .string(Sample.timeText),
      ])
    #expect(
      json["federation_error"] == [
        "code": "busy", "detail": "later", "by": "remote", "permanent": false, "at": .string(Sample.timeText),
      ])
  }

  @Test("filters combine, and pages follow each other without gap or repeat, though peers come and go")
  func pages() async throws {
    let node = FakeNode()
    let states = LinkState.allCases
    let peers = (0..<250).map { number in
      Sample.peerInfo(
        Sample.peer(number), states[number % states.count], number % 2 == 0 ? .inbound : nil)
    }
    node.state.withLock { $0.peers = peers }
    let api = ManagementAPI.fake(node)
    #expect(try await api.call("GET", "/v1/peers").json["items"]?.count == 100)
    let sorted = peers.map(\.peerID).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    // A long page is sent piece by piece, and is the same.
    let long = try await api.call("GET", "/v1/peers?limit=1000")
    if case .bytes = long.response.body { Issue.record("a long page is made as a whole") }
    let all = try long.json
    #expect(all["items"]?.elements.compactMap { $0["peer_id"]?.text } == sorted.map { "\($0)" })
    #expect(all["total"] == 250)
    #expect(all["next_cursor"] == .null)
    #expect(try await api.call("GET", "/v1/peers?state=idle&state=failed").json["total"] == 100)
    #expect(try await api.call("GET", "/v1/peers?state=idle&direction=inbound").json["total"] == 25)
    #expect(try await api.call("GET", "/v1/peers?direction=outbound").json["total"] == 0)
    var seen: [String] = []
    var cursor: String?
    repeat {
      let page = try await api.call("GET", "/v1/peers?limit=30" + (cursor.map { "&cursor=\($0)" } ?? "")).json
      seen += page["items"]?.elements.compactMap { $0["peer_id"]?.text } ?? []
      cursor = page["next_cursor"]?.text
      // The one that the cursor names goes away.
      if let cursor { node.state.withLock { $0.peers.removeAll { "\($0.peerID)" == cursor } } }
    } while cursor != nil
    #expect(seen == sorted.map { "\($0)" })
  }

  @Test("a connection has every field, null where the transport does not tell") func connection() async throws {
    let node = FakeNode()
    let id = Sample.peer(1)
    node.state.withLock { state in
      state.connections = [Sample.connection(17, id), Sample.connection(18, id, figures: false)]
    }
    let api = ManagementAPI.fake(node)
    let json = try await api.call("GET", "/v1/connections/c-17").json
    #expect(json["peer_id"] == .string("\(id)"))
    #expect(json["handshake_ms"] == 12.0)
    #expect(json["streams"] == ["inbound": 2, "outbound": 0])
    #expect(json["rtt_ms"] == ["latest": 1.5, "smoothed": nil, "min": nil, "variance": nil])
    #expect(json["packets_lost"] == 4)
    #expect(json["mtu"] == 1_452)
    #expect(json["keep_alive_ms"] == 10_000)
    #expect(json["last_activity_at"] == .string(Sample.timeText))
    #expect(
      json["security"] == ["tls_version": "1.3", "cipher": "AES-128-GCM", "group": "X25519", "key_type": "ed25519"])
    let gone = try await api.call("GET", "/v1/connections/c-18").json
    #expect(gone["bytes_in"] == .null && gone["packets_lost"] == .null)
    #expect(gone["streams"] == .null && gone["mtu"] == .null)
    #expect(gone.names == json.names)
  }

  @Test(
    "connections are sorted by a figure, those without it last, and pages hold",
    arguments: [
      ("rtt_ms", ["c-3", "c-1", "c-4", "c-2", "c-5"]), ("-rtt_ms", ["c-2", "c-1", "c-4", "c-3", "c-5"]),
      ("bytes_in", ["c-1", "c-2", "c-3", "c-4", "c-5"]), ("-bytes_in", ["c-4", "c-3", "c-2", "c-1", "c-5"]),
      ("-opened_at", ["c-1", "c-2", "c-3", "c-4", "c-5"]),
    ] as [(String, [String])])
  func sorted(order: String, ids: [String]) async throws {
    let node = FakeNode()
    node.state.withLock { state in
      state.connections = [5, 4, 3, 2, 1].map { number in
        var connection = Sample.connection(number, Sample.peer(1), figures: number != 5)
        // The second is far, the third near, the others alike.
        connection.statistics?.rttSmoothed = .milliseconds([2: 90, 3: 10][number] ?? 20)
        connection.statistics?.bytesIn = UInt64(1_000 * number)
        return connection
      }
    }
    let api = ManagementAPI.fake(node)
    var seen: [String] = []
    var cursor: String? = ""
    while let next = cursor, seen.count <= ids.count {
      let page = try await api.call(
        "GET", "/v1/connections?sort=\(order)&limit=2\(next.isEmpty ? "" : "&cursor=\(next)")"
      ).json
      seen += page["items"]?.elements.compactMap { $0["id"]?.text } ?? []
      #expect(page["total"] == 5)
      cursor = page["next_cursor"]?.text
    }
    #expect(seen == ids)
  }

  @Test("connections come oldest first, and pages and filters hold") func connections() async throws {
    let node = FakeNode()
    node.state.withLock { state in
      state.connections = (1...25).reversed().map {
        Sample.connection(
          $0, Sample.peer($0 % 3), $0 % 5 == 0 ? .disconnecting : .connected, $0 % 2 == 0 ? .inbound : .outbound)
      }
    }
    let api = ManagementAPI.fake(node)
    let first = try await api.call("GET", "/v1/connections?limit=10").json
    #expect(first["items"]?.elements.first?["id"] == "c-1")
    #expect(first["next_cursor"] == "10")
    let last = try await api.call("GET", "/v1/connections?limit=100&cursor=20").json
    #expect(last["items"]?.elements.compactMap { $0["id"]?.text } == ["c-21", "c-22", "c-23", "c-24", "c-25"])
    #expect(last["next_cursor"] == .null)
    #expect(last["total"] == 25)
    let path = "/v1/connections?peer_id=\(Sample.peer(0))&peer_id=\(Sample.peer(1).cid)&state=disconnecting"
    #expect(try await api.call("GET", path).json["total"] == 3)
    #expect(try await api.call("GET", path + "&direction=inbound").json["total"] == 1)
  }

  @Test("closing and disconnecting reach the node as asked") func closing() async throws {
    let node = FakeNode()
    let id = Sample.peer(1)
    node.state.withLock { state in
      state.connections = [Sample.connection(1, id)]
      state.peers = [Sample.peerInfo(id)]
    }
    let api = ManagementAPI.fake(node)
    for target in ["c-1", "c-1?mode=graceful", "c-1?mode=abort"] {
      #expect(try await api.call("DELETE", "/v1/connections/\(target)").status == 202)
    }
    let path = "/v1/peers/\(id)/disconnect"
    #expect(try await api.call("POST", path).status == 202)
    #expect(try await api.call("POST", path, body: "{\"reason\":\"upgrade\"}").status == 202)
    let long = String(repeating: "a", count: 129)
    #expect(try await api.call("POST", path, body: "{\"reason\":\"\(long)\"}").code == "invalid_field")
    #expect(
      node.calls == [
        "close c-1 false", "close c-1 false", "close c-1 true", "disconnect \(id) disconnected by the operator",
        "disconnect \(id) upgrade",
      ])
  }

  @Test("pings are summed up, and failed ones are results") func ping() async throws {
    let node = FakeNode()
    let id = Sample.peer(1)
    node.state.withLock { $0.peers = [Sample.peerInfo(id)] }
    let api = ManagementAPI.fake(node)
    let path = "/v1/peers/\(id)/ping"
    #expect(try await api.call("POST", path).code == "peer_not_connected")
    node.state.withLock { state in
      state.pings = [
        PingResult(rtt: .microseconds(2_000), error: nil), PingResult(rtt: nil, error: "timed out"),
        PingResult(rtt: .microseconds(1_000), error: nil),
      ]
    }
    #expect(
      try await api.call("POST", path, body: "{\"count\":1e1,\"timeout_ms\":250.0}").json == [
        "rtt_ms": ["min": 1.0, "mean": 1.5, "max": 2.0],
        "results": [
          ["rtt_ms": 2.0, "error": nil], ["rtt_ms": nil, "error": "timed out"], ["rtt_ms": 1.0, "error": nil],
        ],
      ])
    #expect(node.calls == ["ping 3 5.0 seconds", "ping 10 0.25 seconds"])
    node.state.withLock { $0.pings = [PingResult(rtt: nil, error: "x")] }
    #expect(try await api.call("POST", path).json["rtt_ms"] == .null)
    for body in ["{\"count\":0}", "{\"count\":11}", "{\"count\":1.5}", "{\"timeout_ms\":0}", "{\"count\":\"1\"}"] {
      #expect(try await api.call("POST", path, body: body).code == "invalid_field")
    }
  }
}
