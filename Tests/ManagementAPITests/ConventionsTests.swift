import Jansson
import Testing

@testable import ManagementAPI

@Suite struct ConventionsTests {
  private let api = ManagementAPI.fake(FakeNode())

  private static let refusals: [(String, String, String, Int, String)] = [
    ("GET", "/v1/nodes", "", 404, "not_found"),
    ("GET", "/v1/node/", "", 404, "not_found"), ("GET", "/v1//node", "", 404, "not_found"),
    ("POST", "/v1/node", "", 405, "method_not_allowed"), ("POST", "/", "", 405, "method_not_allowed"),
    ("TRACE", "/livez", "", 405, "method_not_allowed"),
    ("get", "/v1/node", "", 405, "method_not_allowed"), ("GET", "/v1/dial", "", 405, "method_not_allowed"),
    ("GET", "/v1/node?x=1", "", 400, "unknown_parameter"),
    ("GET", "/v1/peers?stat=idle", "", 400, "unknown_parameter"),
    ("GET", "/v1/peers?state=happy", "", 400, "invalid_parameter"),
    ("GET", "/v1/peers?state=", "", 400, "invalid_parameter"),
    ("GET", "/v1/peers?limit=0", "", 400, "invalid_parameter"),
    ("GET", "/v1/peers?limit=1001", "", 400, "invalid_parameter"),
    ("GET", "/v1/peers?limit=1e2", "", 400, "invalid_parameter"),
    ("GET", "/v1/peers?limit=99999999999999999999", "", 400, "invalid_parameter"),
    ("GET", "/v1/peers?limit=1&limit=2", "", 400, "invalid_parameter"),
    ("GET", "/v1/peers?cursor=x", "", 400, "invalid_cursor"),
    ("GET", "/v1/connections?cursor=c-", "", 400, "invalid_cursor"),
    ("GET", "/v1/connections?peer_id=x", "", 400, "invalid_peer_id"),
    ("GET", "/v1/connections?sort=mtu", "", 400, "invalid_parameter"),
    ("GET", "/v1/connections?sort=", "", 400, "invalid_parameter"),
    ("GET", "/v1/connections?sort=--rtt_ms", "", 400, "invalid_parameter"),
    ("GET", "/v1/connections?sort=rtt_ms&sort=rtt_ms", "", 400, "invalid_parameter"),
    ("GET", "/v1/connections?sort=rtt_ms&cursor=17", "", 400, "invalid_cursor"),
    ("GET", "/v1/connections?sort=rtt_ms&cursor=-rtt_ms/1.0/17", "", 400, "invalid_cursor"),
    ("GET", "/v1/connections?sort=rtt_ms&cursor=rtt_ms/nan/17", "", 400, "invalid_cursor"),
    ("GET", "/v1/connections?cursor=rtt_ms/1.0/17", "", 400, "invalid_cursor"),
    ("GET", "/v1/peers/12D3KooWx", "", 400, "invalid_peer_id"),
    ("DELETE", "/v1/connections/c-1?mode=hard", "", 400, "invalid_parameter"),
    ("DELETE", "/v1/connections/c-1?mode=abort&mode=abort", "", 400, "invalid_parameter"),
    ("GET", "/v1/connections/c-1", "", 404, "connection_not_found"),
    ("DELETE", "/v1/connections/c-1", "", 404, "connection_not_found"),
    ("GET", "/v1/peers/\(Sample.peerText)", "", 404, "peer_not_found"),
    ("POST", "/v1/peers/\(Sample.peerText)/ping", "", 404, "peer_not_found"),
    ("POST", "/v1/peers/\(Sample.peerText)/disconnect", "", 404, "peer_not_found"),
    ("GET", "/v1/node", "{}", 400, "unexpected_body"), ("POST", "/v1/dial", "", 400, "missing_field"),
    ("POST", "/v1/dial", "{", 400, "invalid_json"), ("POST", "/v1/dial", "[]", 400, "invalid_field"),
    ("POST", "/v1/dial", "{\"a\":1,\"a\":1}", 400, "invalid_json"),
    ("POST", "/v1/dial", "{\"addres\":\"x\"}", 400, "unknown_field"),
    ("POST", "/v1/dial", String(repeating: "[", count: 10_000), 400, "invalid_json"),
    ("POST", "/v1/dial", "{\"address\":1}", 400, "invalid_field"),
    ("PUT", "/v1/log-level", "{\"level\":\"info\",\"revert_after_seconds\":1.5}", 400, "invalid_field"),
    ("PUT", "/v1/log-level", "{\"level\":\"info\",\"revert_after_seconds\":1e18}", 400, "invalid_field"),
    ("PUT", "/v1/log-level", "{\"level\":\"info\",\"revert_after_seconds\":1e999}", 400, "invalid_json"),
    ("PUT", "/v1/log-level", "{\"level\":\"info\",\"revert_after_seconds\":9007199254740993}", 400, "invalid_field"),
    ("PUT", "/v1/log-level", "{\"level\":\"info\",\"revert_after_seconds\":9223372036854775808}", 400, "invalid_json"),
    ("POST", "/v1/dial", "{\"address\":null}", 400, "missing_field"),
    ("PUT", "/v1/peers/\(Sample.peerText)", "{\"name\":\"a\\nb\"}", 400, "invalid_field"),
    ("PUT", "/v1/peers/\(Sample.peerText)", "{\"name\":\"\"}", 400, "invalid_field"),
    ("PUT", "/v1/log-level", "{\"level\":\"info\",\"overrides\":{\"a\\t\":\"info\"}}", 400, "invalid_field"),
    ("GET", "/v1/events?types=node.started,x", "", 400, "invalid_parameter"),
    ("GET", "/v1/events?types=", "", 400, "invalid_parameter"),
    ("GET", "/v1/events?types=node.started,", "", 400, "invalid_parameter"),
    ("GET", "/v1/events?since=1", "", 400, "invalid_cursor"),
    ("GET", "/v1/events?since=", "", 400, "invalid_cursor"),
    ("GET", "/v1/events?since=0123456789ab-", "", 400, "invalid_cursor"),
    ("GET", "/v1/events?since=0123456789ab-+1", "", 400, "invalid_cursor"),
    ("GET", "/v1/events?since=0&since=0", "", 400, "invalid_parameter"),
    ("GET", "/v1/events?after=0", "", 400, "unknown_parameter"),
    ("GET", "/readyz?verbose=maybe", "", 400, "invalid_parameter"),
    ("GET", "/readyz?exclude=peers", "", 400, "invalid_parameter"),
  ]

  @Test("what is wrong with a request is refused with its code", arguments: ConventionsTests.refusals)
  func refused(method: String, target: String, body: String, status: Int, code: String) async throws {
    let answer = try await self.api.call(method, target, body: body)
    #expect(answer.status == status, "\(answer.text)")
    #expect(answer.code == code)
    let problem = try answer.json
    #expect(problem["status"] == .integer(Int64(status)))
    #expect(problem["type"] == .string("urn:fednode:problem:\(code)"))
    #expect(problem["request_id"] == answer["X-Request-Id"].map(JSON.string))
    #expect(problem["title"] != nil && problem["detail"] != nil)
  }

  @Test("a wrong method is told the right ones, and so is OPTIONS") func allow() async throws {
    #expect(try await self.api.call("PUT", "/v1/connections/c-1")["Allow"] == "DELETE, GET, HEAD, OPTIONS")
    let answer = try await self.api.call("OPTIONS", "/v1/dial")
    #expect(answer.status == 204)
    #expect(answer["Allow"] == "OPTIONS, POST")
    #expect(try await self.api.call("OPTIONS", "*")["Allow"] == "DELETE, GET, HEAD, OPTIONS, POST, PUT")
    #expect(try await self.api.call("OPTIONS", "/nowhere").status == 404)
  }

  @Test("HEAD is a GET", arguments: ["/", "/v1/node", "/livez", "/metrics", "/openapi.yaml", "/openapi.json"])
  func head(path: String) async throws {
    let head = try await self.api.call("HEAD", path)
    let get = try await self.api.call("GET", path)
    #expect(head.status == get.status)
    #expect(head["Content-Type"] == get["Content-Type"])
  }

  @Test("every answer has its headers") func headers() async throws {
    for path in ["/", "/v1/node", "/nowhere", "/livez", "/metrics"] {
      let answer = try await self.api.call("GET", path, headers: [("X-Request-Id", "a.b_c-9")])
      #expect(answer["X-Request-Id"] == "a.b_c-9")
      #expect(answer["Cache-Control"] == "no-store")
      #expect(answer["X-Content-Type-Options"] == "nosniff")
    }
    for bad in ["", "a b", String(repeating: "a", count: 65), "ä"] {
      let made = try await self.api.call("GET", "/livez", headers: [("X-Request-Id", bad)])["X-Request-Id"]
      #expect(made?.utf8.count == 16)
    }
  }

  @Test(
    "a body must say that it is JSON",
    arguments: [
      ("application/json", true), ("Application/JSON; charset=UTF-8", true),
      ("application/x-www-form-urlencoded", false), ("text/json", false), ("application/json; charset=latin1", false),
    ])
  func contentType(type: String, taken: Bool) async throws {
    let answer = try await self.api.call("POST", "/v1/dial", headers: [("Content-Type", type)], body: "{}")
    #expect(answer.code == (taken ? "missing_field" : "unsupported_media_type"))
  }

  @Test(
    "a path answers in a type that is accepted, or with 406",
    arguments: [
      ("/v1/node", "*/*", "application/json; charset=utf-8"), ("/v1/node", "text/html", nil),
      ("/v1/node", "text/html, application/*;q=0.1", "application/json; charset=utf-8"),
      ("/v1/node", "application/json;q=0, */*", nil), ("/v1/node", "application/json; q=0.0", nil),
      ("/readyz", "application/json", "application/json; charset=utf-8"),
      ("/readyz", "*/*", "text/plain; charset=utf-8"),
      ("/readyz", "text/html,*/*;q=0.8", "text/plain; charset=utf-8"),
      ("/readyz", "application/json;q=0.5, */*", "text/plain; charset=utf-8"),
      ("/readyz", "application/*, */*;q=0.5", "application/json; charset=utf-8"),
      ("/readyz", "text/plain;q=0, application/json;q=0.001", "application/json; charset=utf-8"),
      ("/readyz", "application/json, */*", "application/json; charset=utf-8"),
      (
        "/metrics", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
      ),
      (
        "/metrics", "text/plain;version=0.0.4;q=0.5,application/openmetrics-text;q=0.4",
        "text/plain; version=0.0.4; charset=utf-8"
      ),
      ("/v1/events", "application/json", nil), ("/openapi.yaml", "", "application/yaml"),
    ] as [(String, String, String?)])
  func accept(path: String, accept: String, type: String?) async throws {
    let answer = try await self.api.call("GET", path, headers: accept.isEmpty ? [] : [("Accept", accept)])
    if let type {
      #expect(answer["Content-Type"] == type)
    } else {
      #expect(answer.code == "not_acceptable")
    }
  }

  @Test(
    "only names of this machine are answered to",
    arguments: [
      ("localhost", true), ("LocalHost:1", true), ("127.0.0.1:9080", true), ("127.9.9.9", true), ("[::1]:9080", true),
      ("[::1]", true), ("localhost.", true), ("evil.example", false), ("localhost.evil.example", false),
      ("127.0.0.1.evil.example", false), ("192.0.2.1", false), ("[::2]", false), ("[::1", false), ("[::1]x", false),
      ("localhost:x", false), ("", false), ("localhost:1:2", false),
    ])
  func hosts(host: String, ours: Bool) async throws {
    let answer = try await self.api.call("GET", "/livez", host: host)
    #expect(answer.status == (ours ? 200 : 403))
    #expect(answer.code == (ours ? nil : "host_not_allowed"))
  }

  @Test("configured names and origins are ours too, and any literal address where all are bound")
  func configured() async throws {
    var configuration = APIConfiguration(address: "0.0.0.0", port: 0, version: "1")
    configuration.hosts = ["Node.example"]
    configuration.origins = ["https://ui.example"]
    let api = ManagementAPI(configuration, node: FakeNode()) { true }
    for host in ["node.example:80", "192.0.2.1:9080", "[2001:db8::1]"] {
      #expect(try await api.call("GET", "/livez", host: host).status == 200)
    }
    #expect(try await api.call("GET", "/livez", host: "other.example").status == 403)
    let answer = try await api.call(
      "POST", "/v1/dial", headers: [("Origin", "https://ui.example")], host: "node.example")
    #expect(answer.code == "missing_field")
  }

  @Test(
    "a page of another origin may look, where it can, but change nothing",
    arguments: [
      ("http://localhost:9080", "missing_field"), ("http://evil.example", "origin_not_allowed"),
      ("null", "origin_not_allowed"), ("http://localhost:1", "origin_not_allowed"), ("", "origin_not_allowed"),
    ])
  func origins(origin: String, code: String) async throws {
    #expect(try await self.api.call("POST", "/v1/dial", headers: [("Origin", origin)]).code == code)
    #expect(try await self.api.call("GET", "/livez", headers: [("Origin", origin)]).status == 200)
  }

  @Test("a cursor of the query is read though Last-Event-ID wins over it") func bothCursors() async throws {
    let headers = [("Last-Event-ID", "0123456789ab-1")]
    #expect(try await self.api.call("GET", "/v1/events?since=x", headers: headers).code == "invalid_cursor")
    #expect(try await self.api.call("GET", "/v1/events?since=0", headers: headers).status == 200)
  }

  @Test("two Host headers are refused") func twoHosts() async throws {
    #expect(try await self.api.call("GET", "/livez", headers: [("Host", "localhost")]).code == "host_not_allowed")
  }
}
