import Jansson
import Testing

@testable import ManagementAPI

@Suite struct AccessTests {
  private static let reader = "reader-0123456789abcdef"
  private static let admin = "admin-0123456789abcdef+/=="

  private static func api(
    read: Bool = true, admin: Bool = true, metricsPublic: Bool = true
  ) throws -> ManagementAPI {
    var configuration = APIConfiguration(port: 0, version: "1")
    configuration.readToken = read ? try #require(APIToken(Self.reader)) : nil
    configuration.adminToken = admin ? try #require(APIToken(Self.admin)) : nil
    configuration.isMetricsPublic = metricsPublic
    return ManagementAPI(configuration, node: FakeNode(), control: FakeConfiguration()) { true }
  }

  private static func header(_ token: String?) -> [(String, String)] {
    token.map { [("Authorization", "Bearer \($0)")] } ?? []
  }

  private static let uses: [(String, String, String?, Int, String?)] = [
    ("GET", "/v1/node", nil, 401, "unauthorized"), ("GET", "/v1/node", Self.reader, 200, nil),
    ("GET", "/v1/node", Self.admin, 200, nil), ("GET", "/v1/node", "reader-0123456789abcdeg", 401, "unauthorized"),
    ("HEAD", "/v1/node", nil, 401, "unauthorized"), ("HEAD", "/v1/node", Self.reader, 200, nil),
    ("GET", "/v1/config", nil, 401, "unauthorized"), ("GET", "/v1/config", Self.reader, 200, nil),
    ("GET", "/nowhere", nil, 401, "unauthorized"), ("GET", "/nowhere", Self.reader, 404, "not_found"),
    ("OPTIONS", "/v1/node", nil, 401, "unauthorized"), ("OPTIONS", "/v1/node", Self.reader, 204, nil),
    ("POST", "/v1/dial", nil, 401, "unauthorized"), ("POST", "/v1/dial", Self.reader, 403, "insufficient_scope"),
    ("POST", "/v1/dial", Self.admin, 400, "missing_field"), ("POST", "/livez", nil, 401, "unauthorized"),
    ("GET", "/livez", nil, 200, nil), ("GET", "/readyz?verbose", nil, 200, nil), ("GET", "/metrics", nil, 200, nil),
    ("GET", "/livez", "wrong", 200, nil), ("GET", "/v1/events", nil, 401, "unauthorized"),
  ]

  @Test("what a token allows", arguments: AccessTests.uses)
  func tokens(method: String, target: String, token: String?, status: Int, code: String?) async throws {
    let answer = try await Self.api().call(method, target, headers: Self.header(token))
    #expect(answer.status == status, "\(answer.text)")
    #expect(answer.code == code)
    if status == 401 {
      let challenge = "Bearer realm=\"fednode\"" + (token == nil ? "" : ", error=\"invalid_token\"")
      #expect(answer["WWW-Authenticate"] == challenge)
    }
    if code == "insufficient_scope" { #expect(answer["WWW-Authenticate"]?.contains("scope=\"admin\"") == true) }
    if let token { #expect(!answer.text.contains(token)) }
  }

  private static let badHeaders = [
    "", "Bearer", "Bearer ", reader, "Basic \(reader)", "Bearer \(reader) x", "Bearer x\(reader)",
  ]

  @Test("a header that is no bearer token is refused", arguments: AccessTests.badHeaders)
  func malformed(field: String) async throws {
    let answer = try await Self.api().call("GET", "/v1/node", headers: [("Authorization", field)])
    #expect(answer.status == 401)
    let twice = try await Self.api().call(
      "GET", "/v1/node", headers: Self.header(Self.reader) + [("Authorization", field)])
    #expect(twice.status == 401)
  }

  @Test("the scheme is written in any case") func scheme() async throws {
    let answer = try await Self.api().call("GET", "/v1/node", headers: [("authorization", "bEARER \(Self.reader)")])
    #expect(answer.status == 200)
  }

  @Test("with a token for looking only, nobody changes anything; with an admin token only, it is for looking as well")
  func single() async throws {
    let readOnly = try Self.api(admin: false)
    let answer = try await readOnly.call("POST", "/v1/dial", headers: Self.header(Self.reader))
    #expect(answer.status == 403)
    #expect(answer.text.contains("api.admin_token_file"))
    let adminOnly = try Self.api(read: false)
    #expect(try await adminOnly.call("GET", "/v1/node").status == 401)
    #expect(try await adminOnly.call("GET", "/v1/node", headers: Self.header(Self.admin)).status == 200)
  }

  @Test("/metrics asks for a token where the configuration says so") func metrics() async throws {
    let api = try Self.api(metricsPublic: false)
    #expect(try await api.call("GET", "/metrics").status == 401)
    #expect(try await api.call("GET", "/metrics", headers: Self.header(Self.reader)).status == 200)
    #expect(try await api.call("GET", "/livez").status == 200)
  }

  @Test("names are checked before tokens, so that no page of another name learns which are right") func order()
    async throws
  {
    let answer = try await Self.api().call(
      "GET", "/v1/node", headers: Self.header(Self.admin), host: "evil.example")
    #expect(answer.code == "host_not_allowed")
  }

  @Test("tokens, names and limits are replaced while the API serves") func update() async throws {
    let api = try Self.api()
    var changed = APIConfiguration(port: 0, version: "1")
    changed.adminToken = try #require(APIToken("another-0123456789abcdef"))
    changed.hosts = ["node.example"]
    api.update(changed)
    #expect(try await api.call("GET", "/v1/node", headers: Self.header(Self.reader)).status == 401)
    #expect(
      try await api.call("GET", "/v1/node", headers: Self.header("another-0123456789abcdef"), host: "node.example")
        .status == 200)
    api.update(APIConfiguration(port: 0, version: "1"))
    #expect(try await api.call("GET", "/v1/node").status == 200)
  }

  @Test("a client that asks too often is told to wait") func rate() async throws {
    var configuration = APIConfiguration(port: 0, version: "1")
    configuration.requestsPerSecond = 1
    let api = ManagementAPI(configuration, node: FakeNode()) { true }
    var statuses: [Int] = []
    for _ in 0..<5 { statuses.append(try await api.call("GET", "/v1/node").status) }
    #expect(statuses.prefix(2) == [200, 200])
    #expect(statuses.contains(429))
    let answer = try await api.call("GET", "/livez")
    #expect(answer.code == "limit_exceeded")
    #expect(answer["Retry-After"] == "1")
    #expect(answer.text.contains("limits.api_requests_per_second"))
  }
}

@Suite struct APITokenTests {
  @Test(
    "what is a token",
    arguments: [
      (String(repeating: "a", count: 16), true), (String(repeating: "a", count: 15), false),
      (String(repeating: "Z", count: 512), true), (String(repeating: "Z", count: 513), false),
      ("0123456789-._~+/==", true), ("================", false), ("0123456789=abcdef", false),
      ("0123456789 abcdef", false), ("0123456789äabcdef", false), ("", false),
    ])
  func form(text: String, isToken: Bool) { #expect((APIToken(text) != nil) == isToken) }

  @Test("only the same text matches, and nothing shows it") func matches() throws {
    let text = "0123456789abcdef"
    let token = try #require(APIToken(text))
    #expect(token.matches(text))
    for other in ["", "0", text + text, "0123456789abcdeF", String(text.dropLast()), text + "0"] {
      #expect(!token.matches(other), "\(other)")
    }
    var dumped = ""
    dump(token, to: &dumped)
    for shown in ["\(token)", String(reflecting: token), dumped] { #expect(!shown.contains(text), "\(shown)") }
  }
}

@Suite struct RateLimitTests {
  @Test("an allowance is two seconds' worth and refills") func refills() {
    var limit = RateLimit(perSecond: 10)
    for _ in 0..<20 { #expect(limit.admit("a", at: .zero) == nil) }
    #expect(limit.admit("a", at: .zero) == 1)
    #expect(limit.admit("b", at: .zero) == nil)
    #expect(limit.admit("a", at: .milliseconds(99)) == 1)
    #expect(limit.admit("a", at: .milliseconds(101)) == nil)
    #expect(limit.admit("a", at: .milliseconds(102)) == 1)
    for _ in 0..<20 { #expect(limit.admit("a", at: .seconds(100)) == nil) }
    #expect(limit.admit("a", at: .seconds(100)) == 1)
  }

  @Test("without a limit nothing is counted") func none() {
    var limit = RateLimit(perSecond: nil)
    for _ in 0..<10_000 { #expect(limit.admit("a", at: .zero) == nil) }
    #expect(limit.count == 0)
  }

  @Test("the table stays at its size; clients beyond it share an allowance, and those at rest are forgotten")
  func bounded() {
    var limit = RateLimit(perSecond: 1)
    for number in 0..<RateLimit.clientsMax { #expect(limit.admit("\(number)", at: .zero) == nil) }
    var admitted = 0
    for number in 0..<100 where limit.admit("further \(number)", at: .zero) == nil { admitted += 1 }
    #expect(admitted == 2)
    #expect(limit.count == RateLimit.clientsMax)
    #expect(limit.admit("late", at: .seconds(1)) == nil)
    #expect(limit.count == 1)
  }

  @Test(
    "who is counted together",
    arguments: [
      ("192.0.2.1:1", "192.0.2.1:2", true), ("192.0.2.1:1", "192.0.2.2:1", false),
      ("[2001:db8::1]:1", "[2001:db8::ffff:1]:2", true), ("[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false),
      ("[2001:db8:1:2:3:4:5:6]:1", "[2001:db8:1:2::]:1", true), ("uid:1000", "uid:1000", true),
      ("uid:1000", "uid:0", false), ("[::1]:1", "127.0.0.1:1", false),
    ])
  func clients(a: String, b: String, together: Bool) {
    #expect((RateLimit.client(a) == RateLimit.client(b)) == together)
  }
}
