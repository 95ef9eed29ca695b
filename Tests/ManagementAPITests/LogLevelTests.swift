import Jansson
import Logging
import Synchronization
import Testing

@testable import ManagementAPI

@Suite struct LogLevelResourceTests {
  private final class Log: Sendable {
    let levels = Mutex<[LogLevelControl.Levels]>([])
    var last: LogLevelControl.Levels? { self.levels.withLock { $0.last } }
  }

  private let log = Log()
  private let api: ManagementAPI

  init() {
    let log = self.log
    self.api = ManagementAPI(
      APIConfiguration(port: 0, version: "1"), node: FakeNode(), control: FakeConfiguration(),
      logLevels: LogLevelControl(
        .init(.info, overrides: ["host": .debug]), sleep: { _ in try await Task.sleep(for: .seconds(3_600)) },
        apply: { levels in log.levels.withLock { $0.append(levels) } }), eventLoopsTurn: { true })
  }

  @Test("the levels in force are told") func get() async throws {
    let json = try await self.api.call("GET", "/v1/log-level").json
    #expect(json == ["level": "info", "overrides": ["host": "debug"], "revert_after_seconds": nil])
    #expect(self.log.last == nil)
  }

  @Test("all levels are replaced at once, for good or for a time") func put() async throws {
    let lasting = try await self.api.call("PUT", "/v1/log-level", body: #"{"level": "error"}"#)
    #expect(try lasting.json == ["level": "error", "overrides": [:], "revert_after_seconds": nil])
    #expect(self.log.last == .init(.error))
    let passing = try await self.api.call(
      "PUT", "/v1/log-level",
      body: #"{"level": "notice", "overrides": {"api": "trace"}, "revert_after_seconds": 60}"#)
    #expect(try passing.json == ["level": "notice", "overrides": ["api": "trace"], "revert_after_seconds": 60])
    #expect(self.log.last == .init(.notice, overrides: ["api": .trace]))
  }

  @Test(
    "what is wrong is refused with the name of its field, and nothing is changed",
    arguments: [
      ("{}", "missing_field", "level"), (#"{"level": "loud"}"#, "invalid_field", "level"),
      (#"{"level": 3}"#, "invalid_field", "level"), (#"{"level": "INFO"}"#, "invalid_field", "level"),
      (#"{"level": "info", "overrides": []}"#, "invalid_field", "overrides"),
      (#"{"level": "info", "overrides": {"api": "loud"}}"#, "invalid_field", "overrides.api"),
      (#"{"level": "info", "overrides": {"api": 1}}"#, "invalid_field", "overrides.api"),
      (#"{"level": "info", "overrides": {"": "info"}}"#, "invalid_field", "overrides"),
      (#"{"level": "info", "revert_after_seconds": 0}"#, "invalid_field", "revert_after_seconds"),
      (#"{"level": "info", "revert_after_seconds": 1.5}"#, "invalid_field", "revert_after_seconds"),
      (#"{"level": "info", "revert_after_seconds": 86401}"#, "invalid_field", "revert_after_seconds"),
      (#"{"level": "info", "revert": 1}"#, "unknown_field", "revert"),
    ])
  func refused(body: String, code: String, field: String) async throws {
    let answer = try await self.api.call("PUT", "/v1/log-level", body: body)
    #expect(answer.status == 400)
    #expect(answer.code == code)
    #expect(try answer.json["field"] == .string(field))
    #expect(self.log.last == nil)
  }

  @Test("more overrides than the configuration may have are refused") func many() async throws {
    let overrides = (0..<33).map { #""s\#($0)": "info""# }.joined(separator: ",")
    let answer = try await self.api.call(
      "PUT", "/v1/log-level", body: "{\"level\": \"info\", \"overrides\": {\(overrides)}}")
    #expect(try answer.json["field"] == "overrides")
  }
}

@Suite struct ConfigurationResourceTests {
  @Test("every key is told with its value and where it came from") func get() async throws {
    let json = try await ManagementAPI.fake(FakeNode()).call("GET", "/v1/config").json
    #expect(json["file"] == "/etc/fednode.yaml")
    let values = json["values"]
    #expect(
      values?["limits.connections"] == ["value": 7, "source": "file", "place": "/etc/fednode.yaml:3"])
    #expect(values?["api.hosts"] == ["value": [], "source": "default", "place": nil])
    #expect(values?["node.private_key"]?["value"] == "[secret]")
  }

  @Test("a reload tells what changed, or all that is wrong") func reload() async throws {
    func call(_ outcome: OnReload) async throws -> Answer {
      try await ManagementAPI(
        APIConfiguration(port: 0, version: "1"), node: FakeNode(), control: FakeConfiguration(outcome)
      ) { true }.call("POST", "/v1/config/reload")
    }
    let good = try await call(.applied(changed: ["logging.level"], restartRequired: ["network.addresses"]))
    #expect(good.status == 200)
    #expect(try good.json == ["changed": ["logging.level"], "restart_required": ["network.addresses"]])
    let mistake = ConfigurationMistake(place: "a:1", key: "logging.level", message: "is loud", mend: "write info")
    let bad = try await call(.refused([mistake, ConfigurationMistake(place: "b", key: nil, message: "c", mend: "d")]))
    #expect(bad.status == 422)
    #expect(bad.code == "invalid_configuration")
    #expect(
      try bad.json["errors"] == [
        ["place": "a:1", "key": "logging.level", "message": "is loud", "mend": "write info"],
        ["place": "b", "key": nil, "message": "c", "mend": "d"],
      ])
  }

  @Test("without a configuration to tell of there is no such path") func none() async throws {
    let api = ManagementAPI(APIConfiguration(port: 0, version: "1"), node: FakeNode()) { true }
    #expect(try await api.call("GET", "/v1/config").code == "not_found")
  }
}
