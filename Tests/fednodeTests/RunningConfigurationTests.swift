import Foundation
import GnuTLS
import Jansson
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

  @Test("The log level can be changed while the node runs")
  func logLevel() async throws {
    let node = try await RunningNode(in: self.directory)
    let put = try await node.call("PUT", "/v1/log-level", #"{"level": "info", "revert_after_seconds": 3600}"#)
    #expect(put.status == 200)
    #expect(try Self.json(put.body)["revert_after_seconds"] == 3_600)
    #expect(try await node.stop() == 0)
  }
}
