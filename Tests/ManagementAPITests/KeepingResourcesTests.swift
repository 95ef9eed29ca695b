import Jansson
import P2PCore
import Testing

@testable import ManagementAPI
@testable import P2PHost

@Suite struct KeepingResourcesTests {
  private let node = FakeNode()
  private let id = Sample.peer(1)
  private var api: ManagementAPI { ManagementAPI.fake(self.node) }

  static let refusals: [(String, String)] = [
    ("{\"pinned\":1}", "invalid_field"), ("{\"name\":\"\"}", "invalid_field"), ("{\"pined\":true}", "unknown_field"),
    ("{\"addresses\":[\"nowhere\"]}", "invalid_multiaddr"),
    ("{\"addresses\":[\"/ip4/1.2.3.4/udp/1/quic-v1/p2p/\(Sample.peerText)\"]}", "invalid_field"),
  ]

  @Test("a peer is put, new and known") func put() async throws {
    let body = "{\"addresses\":[\"\(Sample.addressText)\"],\"name\":\"one\",\"pinned\":true}"
    let made = try await self.api.call("PUT", "/v1/peers/\(self.id)", body: body)
    #expect(made.status == 201)
    #expect(self.node.calls == ["put \(self.id) [\(Sample.addressText)] one true"])
    self.node.state.withLock { $0.peers = [Sample.peerInfo(self.id)] }
    #expect(try await self.api.call("PUT", "/v1/peers/\(self.id)").status == 200)
    #expect(self.node.calls.last == "put \(self.id) - - -")
  }

  @Test(
    "what cannot be put names its field or its reason",
    arguments: KeepingResourcesTests.refusals)
  func refusedPut(body: String, code: String) async throws {
    let answer = try await self.api.call("PUT", "/v1/peers/\(self.id)", body: body)
    #expect(answer.status == 400)
    #expect(answer.code == code)
    #expect(self.node.calls.isEmpty)
  }

  @Test("errors of the book have a status each") func bookErrors() async throws {
    let errors: [(BookError, Int, String)] = [
      (.full("full"), 429, "limit_exceeded"), (.configured(self.id), 409, "peer_configured"),
      (.isSelf, 409, "self_dial"), (.notSaved("disk full"), 500, "not_saved"),
      (.address(DialError(.unsupportedTransport, "TCP", temporary: false)), 400, "unsupported_transport"),
    ]
    for (error, status, code) in errors {
      self.node.state.withLock { $0.bookError = error }
      let answer = try await self.api.call("PUT", "/v1/peers/\(self.id)")
      #expect(answer.status == status)
      #expect(answer.code == code)
    }
  }

  @Test("a peer is forgotten, connected and retried, when it is known") func known() async throws {
    let operations = [("DELETE", ""), ("POST", "/connect"), ("DELETE", "/backoff")]
    for (method, path) in operations {
      #expect(try await self.api.call(method, "/v1/peers/\(self.id)\(path)").code == "peer_not_found")
    }
    self.node.state.withLock { $0.peers = [Sample.peerInfo(self.id)] }
    #expect(try await self.api.call("DELETE", "/v1/peers/\(self.id)").status == 204)
    #expect(try await self.api.call("DELETE", "/v1/peers/\(self.id)/backoff").status == 204)
    // The fake dial leads nowhere.
    #expect(try await self.api.call("POST", "/v1/peers/\(self.id)/connect", body: "{\"timeout_ms\":7}").status == 502)
    #expect(self.node.calls.last == "connect \(self.id) 0.007 seconds")
  }

  @Test("a dial that nobody waits for has a place of its own") func dials() async throws {
    let body = "{\"address\":\"\(Sample.addressText)\",\"wait\":false}"
    let begun = try await self.api.call("POST", "/v1/dial", body: body)
    #expect(begun.status == 202)
    #expect(begun["Location"] == "/v1/dials/d-9")
    #expect(try begun.json["state"] == "running")
    self.node.state.withLock { state in
      state.dials = (1...3).map { number in
        DialInfo(
          id: "d-\(number)", peerID: self.id, addresses: [Sample.address()], state: number == 3 ? .running : .failed,
          startedAt: Sample.time)
      }
    }
    let page = try await self.api.call("GET", "/v1/dials?limit=2").json
    #expect(page["items"]?.elements.map { $0["id"] } == ["d-3", "d-2"])
    #expect(page["next_cursor"] == "d-2")
    let rest = try await self.api.call("GET", "/v1/dials?limit=2&cursor=d-2").json
    #expect(rest["items"]?.elements.map { $0["id"] } == ["d-1"])
    #expect(try await self.api.call("GET", "/v1/dials?state=running").json["total"] == 1)
    #expect(try await self.api.call("GET", "/v1/dials/d-1").status == 200)
    #expect(try await self.api.call("GET", "/v1/dials/d-7").code == "dial_not_found")
    #expect(try await self.api.call("DELETE", "/v1/dials/d-3").status == 202)
    #expect(try await self.api.call("DELETE", "/v1/dials/d-1").code == "dial_ended")
    #expect(try await self.api.call("DELETE", "/v1/dials/d-7").code == "dial_not_found")
  }

  @Test("entries are blocked, listed and unblocked") func blocklist() async throws {
    let path = "/v1/blocklist/198.51.100.0%2F24"
    let made = try await self.api.call(
      "PUT", path, body: "{\"reason\":\"scans\",\"expires_at\":\"2099-01-31T00:00:00Z\"}")
    #expect(made.status == 201)
    #expect(try made.json["entry"] == "198.51.100.0/24")
    #expect(try made.json["expires_at"] == "2099-01-31T00:00:00.000Z")
    #expect(try await self.api.call("PUT", path).status == 200)
    #expect(try await self.api.call("GET", "/v1/blocklist").json["total"] == 1)
    #expect(try await self.api.call("PUT", "/v1/blocklist/198.51.100.1%2F24").code == "invalid_entry")
    #expect(
      try await self.api.call("PUT", path, body: "{\"expires_at\":\"2001-01-31T00:00:00Z\"}").code == "invalid_field")
    #expect(try await self.api.call("PUT", path, body: "{\"expires_at\":\"soon\"}").code == "invalid_field")
    #expect(try await self.api.call("DELETE", path).status == 204)
    #expect(try await self.api.call("DELETE", path).code == "entry_not_found")
  }

  @Test("who knocked and how connections ended can be read") func histories() async throws {
    self.node.state.withLock { state in
      state.unknown.note(self.id, address: Sample.address(), now: Sample.time)
      let reason = CloseReason("closed_by_peer", initiator: .remote, code: 7, isApplicationCode: true)
      state.closed = [2, 1].map { number in
        (
          UInt64(number),
          ClosedConnectionInfo(
            connection: Sample.connection(number, self.id, .idle), closedAt: Sample.time, reason: reason)
        )
      }
    }
    let knocked = try await self.api.call("GET", "/v1/unknown-peers").json
    #expect(knocked["items"]?.elements.first?["count"] == 1)
    let closed = try await self.api.call("GET", "/v1/connections?state=closed&limit=1").json
    #expect(closed["total"] == 2)
    #expect(closed["items"]?.elements.first?["close"]?["code"] == 7)
    #expect(closed["items"]?.elements.first?["bytes_in"] == 1_000)
    let sorted = try await self.api.call("GET", "/v1/connections?state=closed&sort=opened_at").json
    #expect(sorted["items"]?.elements.compactMap { $0["id"]?.text } == ["c-1", "c-2"])
    let rest = try await self.api.call("GET", "/v1/connections?state=closed&cursor=2").json
    #expect(rest["items"]?.elements.map { $0["id"] } == ["c-1"])
    #expect(try await self.api.call("GET", "/v1/connections?state=closed&state=idle").code == "invalid_parameter")
  }

  @Test("times are read as they are written")
  func times() {
    for text in [Sample.timeText, "1970-01-01T00:00:00.000Z", "2000-02-29T12:34:56.700Z", "1999-12-31T23:59:59.999Z"] {
      #expect(Timestamp.parse(text).map(Timestamp.text) == text)
    }
    #expect(Timestamp.parse("2026-01-31T23:59:59Z") == Sample.time - 123)
    for text in [
      "", "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31 23:59:59Z", "2026-01-31T23:59:59.Z", "x",
    ] {
      #expect(Timestamp.parse(text) == nil, "\(text)")
    }
  }
}
