import Foundation
import HTTPTestClient
import Testing

@testable import fednode

/// Tokens of the API and its Unix socket, from the configuration on.
@Suite(.timeLimit(.minutes(1))) struct TokenTests {
  private let directory: TemporaryDirectory
  private let token = String(repeating: "0123456789abcdef", count: 4)

  init() throws { self.directory = try TemporaryDirectory() }

  private func problems(_ yaml: String) throws -> [ConfigurationProblem] {
    var input = ConfigurationInput()
    input.file = try self.directory.write("fednode.yaml", yaml)
    input.environment = ["HOME": self.directory.path]
    do throws(ConfigurationFailure) {
      _ = try ConfigurationLoader.load(input)
      return []
    } catch {
      return error.problems
    }
  }

  @Test("A file that is no good as a token is told with its mend, and its content is not", arguments: [0o600, 0o640])
  func files(mode: Int) throws {
    let path = try self.directory.write("token", self.token + "\n", mode: mode)
    let problems = try self.problems("api: {token_file: \(path)}")
    #expect(problems.isEmpty == (mode == 0o600))
    #expect(problems.allSatisfy { $0.mend == "run chmod 600 \(path)" && $0.key == "api.token_file" })
    for text in ["", "short", self.token + " " + self.token] {
      try self.directory.write("token", text)
      let problem = try #require(try self.problems("api: {admin_token_file: \(path)}").first)
      #expect(problem.key == "api.admin_token_file")
      #expect(problem.mend.contains("openssl rand"))
      #expect(text.isEmpty || !problem.description.contains(text))
    }
    #expect(try self.problems("api: {token_file: /nonexistent/token}").first?.mend.contains("openssl rand") == true)
  }

  @Test("Beyond loopback a token is needed, and one is enough; the two must differ")
  func beyondLoopback() throws {
    let path = try self.directory.write("token", self.token)
    let other = try self.directory.write("other", "x" + self.token)
    #expect(try self.problems("api: {address: '0.0.0.0:0'}").map(\.key) == ["api.address"])
    #expect(try self.problems("api: {address: '0.0.0.0:0', token_file: \(path)}").isEmpty)
    #expect(try self.problems("api: {address: '0.0.0.0:0', admin_token_file: \(path)}").isEmpty)
    #expect(try self.problems("api: {address: 'unix:/run/api.sock'}").isEmpty)
    #expect(try self.problems("api: {token_file: \(path), admin_token_file: \(other)}").isEmpty)
    #expect(
      try self.problems("api: {token_file: \(path), admin_token_file: \(path)}").map(\.key)
        == ["api.admin_token_file"])
  }

  @Test("A node on a Unix socket asks for its token there, leaves an audit line, and logs no token")
  func unixSocket() async throws {
    let socket = "/tmp/fednode-\(UInt32.random(in: .min ... .max)).sock"
    let admin = "admin-" + self.token
    let file = try self.directory.write(
      "node.yaml",
      """
      api:
        socket_mode: 0600
        token_file: \(try self.directory.write("token", self.token))
        admin_token_file: \(try self.directory.write("admin", admin))
      logging: {level: debug}
      """)
    let node = try await RunningNode(["--api", "unix:\(socket)"], in: self.directory, file: file)
    #expect(node.line("API") == "curl --unix-socket \(socket) http://localhost/v1/node")
    func call(_ method: String, _ path: String, _ token: String?) async throws -> HTTPTestClient.Response {
      let client = try HTTPTestClient(socketPath: socket)
      defer { client.close() }
      let header = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
      await client.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine\r\n\(header)\r\n")
      return try await client.response()
    }
    #expect(try await call("GET", "/v1/node", nil).status == 401)
    #expect(try await call("GET", "/livez", nil).status == 200)
    #expect(try await call("GET", "/v1/node", self.token).status == 200)
    #expect(try await call("DELETE", "/v1/blocklist/192.0.2.1", self.token).status == 403)
    #expect(try await call("DELETE", "/v1/blocklist/192.0.2.1", admin).status == 404)
    #expect(try await call("GET", "/v1/config", admin).body.contains(self.token) == false)
    #expect(try await node.stop() == 0)
    #expect(!FileManager.default.fileExists(atPath: socket))
    let log = try node.log
    let audit = try #require(log.first { $0.contains("changes something") })
    for word in [
      #""who":"admin token""#, #""remote":"uid:\#(getuid())""#, #""method":"DELETE""#,
      #""target":"/v1/blocklist/192.0.2.1""#, #""status":"404""#, #""request_id":"mine""#,
    ] { #expect(audit.contains(word), "\(audit)") }
    #expect(log.contains { $0.contains("was not let in") })
    #expect(!log.contains { $0.contains(self.token) })
  }
}
