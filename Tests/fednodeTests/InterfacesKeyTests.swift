import Testing

@testable import fednode

@Suite struct InterfacesKeyTests {
  private let directory: TemporaryDirectory

  init() throws { self.directory = try TemporaryDirectory() }

  private func load(_ yaml: String, environment: [String: String] = [:]) throws -> LoadedConfiguration {
    var input = ConfigurationInput()
    input.file = try self.directory.write("fednode.yaml", yaml, mode: 0o600)
    input.environment = ["HOME": self.directory.path].merging(environment) { $1 }
    return try ConfigurationLoader.load(input)
  }

  private func problems(_ yaml: String) throws -> [ConfigurationProblem] {
    do {
      _ = try self.load(yaml)
      return []
    } catch {
      return try #require(error as? ConfigurationFailure).problems
    }
  }

  @Test("interfaces are named in the file or the environment; without them addresses are as they are")
  func names() throws {
    #expect(try self.load("").configuration.interfaces == [])
    #expect(
      try self.load("network: {interfaces: [eth0, enp0s31f6, br-0123456789ab]}").configuration.interfaces
        == ["eth0", "enp0s31f6", "br-0123456789ab"])
    #expect(
      try self.load("", environment: ["FEDNODE_NETWORK_INTERFACES": "eth0, wg0"]).configuration.interfaces
        == ["eth0", "wg0"])
  }

  @Test(
    "what is no name of an interface is refused at its line",
    arguments: [
      "abcdefghijklmnop", "'a b'", "eth0:1", "a/b", "a%b", "''", "'.'", "..", "größe", "\"a\\tb\"",
    ])
  func refused(name: String) throws {
    let problem = try #require(try self.problems("network:\n  interfaces: [\(name)]\n").first)
    #expect(problem.key == "network.interfaces")
    #expect(problem.place.hasSuffix("fednode.yaml:2"))
    #expect(!problem.message.isEmpty && !problem.mend.isEmpty)
  }

  @Test(
    "so are lists that cannot be meant",
    arguments: [
      "interfaces: eth0", "interfaces: [eth0, eth0]",
      "interfaces: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]",
      "interfaces: [eth0], addresses: [/ip4/127.0.0.1/udp/1/quic-v1]",
    ])
  func lists(keys: String) throws {
    #expect(try self.problems("network: {\(keys)}").map(\.key) == ["network.interfaces"])
  }

  @Test("one wildcard among the addresses gives interfaces a meaning")
  func meaning() throws {
    let yaml = "network: {interfaces: [eth0], addresses: [/ip4/127.0.0.1/udp/1/quic-v1, /ip6/::/udp/1/quic-v1]}"
    #expect(try self.problems(yaml).isEmpty)
  }
}
