import Foundation
import GnuTLS
import Jansson
import P2PHost
import Synchronization
import Testing

@testable import fednode

/// The configuration of a node that runs, through its API.
@Suite struct RunningConfigurationTests {
  private let directory: TemporaryDirectory

  init() throws { self.directory = try TemporaryDirectory() }

  private static func json(_ text: String) throws -> JSON { try JSON(decoding: Array(text.utf8)) }

  @Test("Every key is told with its value and source, and no secret")
  func shown() async throws {
    let secret = IdentityStore.encode(try IdentityKey.generate())
    let file = try self.directory.write(
      "node.yaml", "node: {private_key: \"\(secret)\"}\nperf: {enabled: true}\nlogging: {overrides: {host: debug}}")
    let node = try await RunningNode(in: self.directory, file: file)
    let text = try await node.call("GET", "/v1/config").body
    let told = try Self.json(text)
    #expect(told["file"] == .string(file))
    let values = told["values"]
    for key in ConfigurationKey.all(home: nil) { #expect(values?[key.name] != nil, "\(key.name)") }
    #expect(values?["node.private_key"]?["value"] == "[secret]")
    #expect(!text.contains(secret))
    #expect(values?["perf.enabled"] == ["value": true, "source": "file", "place": .string("\(file):2")])
    #expect(values?["api.address"] == ["value": "127.0.0.1:0", "source": "flag", "place": "--api"])
    #expect(values?["limits.connections_per_peer"] == ["value": 2, "source": "default", "place": nil])
    #expect(values?["peers.static"]?["value"] == [])
    #expect(values?["logging.overrides"]?["value"] == ["host": "debug"])
    #expect(try await node.stop() == 0)
  }

  private static let members = [
    "12D3KooWR7Lya2pnWcGAs81vj7NL7GEBzWb7HJpGC2WN5yuno4ru", "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA",
    "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo",
  ]

  private static func list(_ json: JSON?) -> [String] {
    guard case .array(let items)? = json else { return [] }
    return items.map { if case .string(let text) = $0 { text } else { "?" } }
  }

  @Test("A reload takes over what can change and names what cannot")
  func reload() async throws {
    let token = String(repeating: "t", count: 32)
    let file = try self.directory.write("node.yaml", "peers: {static: [{peer_id: \(Self.members[0])}]}")
    let node = try await RunningNode(in: self.directory, file: file)
    let same = try await node.call("POST", "/v1/config/reload")
    #expect(same.status == 200)
    #expect(try Self.json(same.body) == ["changed": [], "restart_required": []])

    let peers = try self.directory.write("peers.yaml", "peers: [{peer_id: \(Self.members[2])}]")
    try self.directory.write(
      "node.yaml",
      """
      peers: {static: [{peer_id: \(Self.members[1]), name: fed-02}], file: \(peers)}
      api: {hosts: [node.example.org]}
      network: {idle_timeout: 1m}
      perf: {enabled: true}
      """)
    let told = try Self.json(try await node.call("POST", "/v1/config/reload").body)
    #expect(Self.list(told["changed"]) == ["peers.static", "peers.file", "api.hosts"])
    #expect(Self.list(told["restart_required"]) == ["network.idle_timeout", "perf.enabled"])
    #expect(try await node.call("GET", "/v1/peers/\(Self.members[0])").status == 404)
    for peer in Self.members[1...] {
      let info = try Self.json(try await node.call("GET", "/v1/peers/\(peer)").body)
      #expect(info["pinned"] == true)
    }
    let shown = try Self.json(try await node.call("GET", "/v1/config").body)
    #expect(
      shown["values"]?["api.hosts"] == ["value": ["node.example.org"], "source": "file", "place": .string("\(file):2")])
    #expect(shown["values"]?["network.idle_timeout"]?["value"] == "30s")
    #expect(Self.list(shown["restart_required"]) == ["network.idle_timeout", "perf.enabled"])

    // Only the content of a file that the configuration names.
    try self.directory.write("peers.yaml", "peers: []")
    try self.directory.write("token", token)
    try self.directory.write("node.yaml", "peers: {file: \(peers)}\napi: {token_file: \(self.directory.path)/token}")
    let tokens = try Self.json(try await node.call("POST", "/v1/config/reload").body)
    #expect(Self.list(tokens["changed"]) == ["peers.static", "peers.file", "api.token_file", "api.hosts"])
    #expect(Self.list(tokens["restart_required"]) == [])
    #expect(try await node.call("GET", "/v1/node").status == 401)
    #expect(try await node.stop() == 0)
    #expect(try node.log.contains { $0.contains("the configuration was reloaded") })
  }

  @Test("A configuration that is wrong is refused with everything that is, and changes nothing")
  func refused() async throws {
    let file = try self.directory.write("node.yaml", "api: {hosts: [one.example]}")
    let node = try await RunningNode(in: self.directory, file: file)
    try self.directory.write("node.yaml", "api: {hosts: [two.example]}\nlogging: {level: loud}\nperf: 1")
    let answer = try await node.call("POST", "/v1/config/reload")
    #expect(answer.status == 422)
    guard case .array(let errors)? = try Self.json(answer.body)["errors"] else {
      Issue.record("no errors: \(answer.body)")
      return
    }
    #expect(errors.map { $0["key"] } == ["logging.level", "perf"])
    #expect(errors.first?["place"] == .string("\(file):2"))
    let shown = try Self.json(try await node.call("GET", "/v1/config").body)
    #expect(shown["values"]?["api.hosts"]?["value"] == ["one.example"])
    #expect(try await node.stop() == 0)
  }

  @Test("A token does not go before the address that needs it")
  func mixed() async throws {
    let token = try self.directory.write("token", String(repeating: "t", count: 32))
    let file = try self.directory.write("node.yaml", "api: {address: '0.0.0.0:0', admin_token_file: \(token)}")
    var input = ConfigurationInput()
    input.file = file
    input.environment = ["HOME": self.directory.path]
    let running = RunningConfiguration(
      try ConfigurationLoader.load(input), input: input, events: EventLog(bootID: "0123456789ab"))
    try self.directory.write("node.yaml", "api: {address: '127.0.0.1:0'}")
    guard case .refused(let mistakes) = await running.reload() else {
      Issue.record("not refused")
      return
    }
    #expect(mistakes.map(\.key) == ["api.address"])
    #expect(mistakes.first?.mend.hasPrefix("restart the node") == true)
    #expect(await running.configuration().settings.first { $0.name == "api.admin_token_file" }?.value == .string(token))
  }

  @Test("Reloads at once are one after the other")
  func serial() async throws {
    let file = try self.directory.write("node.yaml", "")
    var input = ConfigurationInput()
    input.file = file
    input.environment = ["HOME": self.directory.path]
    let running = RunningConfiguration(
      try ConfigurationLoader.load(input), input: input, events: EventLog(bootID: "0123456789ab"))
    let counter = Counter()
    await running.serve { _, _ in
      counter.enter()
      for _ in 0..<20 { await Task.yield() }
      counter.leave()
    }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<20 { group.addTask { _ = await running.reload() } }
    }
    #expect(counter.most == 1)
    #expect(counter.total == 20)
  }

  private final class Counter: Sendable {
    private let state = Mutex((now: 0, most: 0, total: 0))
    var most: Int { self.state.withLock { $0.most } }
    var total: Int { self.state.withLock { $0.total } }
    func enter() {
      self.state.withLock { state in
        state.now += 1
        state.total += 1
        state.most = max(state.most, state.now)
      }
    }
    func leave() { self.state.withLock { $0.now -= 1 } }
  }

  @Test("The log level can be changed while the node runs")
  func logLevel() async throws {
    let node = try await RunningNode(in: self.directory)
    let put = try await node.call("PUT", "/v1/log-level", #"{"level": "info", "revert_after_seconds": 3600}"#)
    #expect(put.status == 200)
    #expect(try Self.json(put.body)["revert_after_seconds"] == 3_600)
    #expect(try await node.stop() == 0)
  }
}
