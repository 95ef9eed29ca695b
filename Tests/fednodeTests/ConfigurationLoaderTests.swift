import Foundation
import GnuTLS
import Logging
import P2PCore
import Testing

@testable import fednode

@Suite struct ConfigurationLoaderTests {
  private let directory: TemporaryDirectory

  init() throws { self.directory = try TemporaryDirectory() }

  private func input(
    _ yaml: String? = nil, environment: [String: String] = [:], flags: [ConfigurationInput.FlagValue] = [],
    mode: Int = 0o600
  ) throws -> ConfigurationInput {
    var input = ConfigurationInput()
    // Without a file, an empty one: the search would find those of the machine.
    input.file = try self.directory.write("fednode.yaml", yaml ?? "", mode: mode)
    input.environment = ["HOME": self.directory.path].merging(environment) { $1 }
    input.flags = flags
    return input
  }

  private func load(
    _ yaml: String? = nil, environment: [String: String] = [:], flags: [ConfigurationInput.FlagValue] = []
  ) throws -> LoadedConfiguration {
    try ConfigurationLoader.load(self.input(yaml, environment: environment, flags: flags))
  }

  private func problems(
    _ yaml: String? = nil, environment: [String: String] = [:], flags: [ConfigurationInput.FlagValue] = [],
    mode: Int = 0o600
  ) throws -> [ConfigurationProblem] {
    let input = try self.input(yaml, environment: environment, flags: flags, mode: mode)
    do throws(ConfigurationFailure) {
      _ = try ConfigurationLoader.load(input)
      return []
    } catch {
      return error.problems
    }
  }

  @Test("An empty configuration is the defaults")
  func defaults() throws {
    let loaded = try self.load()
    let configuration = loaded.configuration
    #expect(configuration.dataDirectory == self.directory.path + "/.local/share/fednode")
    #expect(
      configuration.addresses.map(\.description) == ["/ip4/0.0.0.0/udp/9000/quic-v1", "/ip6/::/udp/9000/quic-v1"])
    #expect(configuration.apiAddress.description == "127.0.0.1:9080")
    #expect(configuration.congestionControl == .bbr)
    #expect(configuration.idleTimeout == .seconds(30))
    #expect(configuration.keepAlive == nil)
    #expect(configuration.shutdownTimeout == .seconds(10))
    for key in loaded.keys { #expect(loaded.origin(of: key.name) == .standard) }
  }

  @Test("Every key can be set in the file")
  func everyKey() throws {
    let key = try IdentityKey.generate()
    try IdentityStore.write(key, to: self.directory.path + "/node.key")
    let member = base64Encode([UInt8](repeating: 7, count: 32))
    try self.directory.write("peers.yaml", "peers: [{public_key: \(member)}, {peer_id: \(key.peerID)}]")
    try self.directory.write("read.token", String(repeating: "r", count: 32))
    try self.directory.write("api.pem", "-----BEGIN CERTIFICATE-----\n")
    try self.directory.write("api.key", "-----BEGIN PRIVATE KEY-----\n")
    try self.directory.write("admin.token", String(repeating: "a", count: 32))
    let loaded = try self.load(
      """
      data_dir: ~/data
      node: {name: fed-03, private_key_file: ~/node.key}
      network:
        addresses: [/ip4/0.0.0.0/udp/0/quic-v1]
        interfaces: [eth0, wg0]
        announce: [/ip4/192.0.2.1/udp/9000/quic-v1, /dns4/node.example.org/udp/9000/quic-v1]
        event_loops: 1
        congestion_control: cubic
        idle_timeout: 1m
        keep_alive: 15s
        dial_private: false
        dns_servers: [192.0.2.53, "[2001:db8::53]:5353"]
      federation: {network: signet, frame_limit: 64KiB, size: 512}
      peers:
        static: [{name: fed-01, public_key: \(member), addresses: [/dns4/fed-01.example.org/udp/9000/quic-v1]}]
        file: ~/peers.yaml
        policy: allowlist
        backoff: {initial: 2s, max: 10m}
        probe: {interval: off, misses: 5}
        connection_timeout: 250ms
        drain_timeout: 1s
      limits:
        connections: 1000
        connections_inbound: 700
        connections_outbound: 600
        connections_per_peer: 3
        connections_per_ip: 4
        connections_per_subnet: 0
        low_water: 100
        high_water: 200
        handshakes: 0
        streams_per_connection: 10
        streams: 30
        streams_per_peer: 20
        streams_per_protocol: 0
        buffers: 512MiB
        api_requests_per_second: 50
      health: {min_connected_peers: 11}
      api:
        address: 0.0.0.0:8080
        socket_mode: 0600
        token_file: ~/read.token
        admin_token_file: ~/admin.token
        metrics_public: false
        tls: {certificate_file: ~/api.pem, key_file: ~/api.key, client_ca_file: ~/api.pem}
        insecure: true
        hosts: [node.example.org]
        origins: ["https://dash.example.org:8443"]
      perf: {enabled: true}
      logging: {level: warning, format: json, overrides: {quic: debug, host: trace}}
      shutdown_timeout: 0s
      """)
    let configuration = loaded.configuration
    #expect(configuration.dataDirectory == self.directory.path + "/data")
    #expect(configuration.nodeName == "fed-03")
    #expect(configuration.privateKeyFile == self.directory.path + "/node.key")
    #expect(configuration.addresses.map(\.description) == ["/ip4/0.0.0.0/udp/0/quic-v1"])
    #expect(configuration.interfaces == ["eth0", "wg0"])
    #expect(configuration.announce.count == 2)
    #expect(configuration.eventLoops == 1)
    #expect(configuration.congestionControl == .cubic)
    #expect(configuration.idleTimeout == .seconds(60))
    #expect(configuration.keepAlive == .seconds(15))
    #expect(!configuration.dialPrivate)
    #expect(configuration.dnsServers == ["192.0.2.53", "[2001:db8::53]:5353"])
    #expect(configuration.federationNetwork == "signet")
    #expect(configuration.frameMax == 65_536)
    #expect(configuration.federationSize == 512)
    #expect(configuration.staticPeers.map(\.name) == ["fed-01"])
    #expect(configuration.peersFile == self.directory.path + "/peers.yaml")
    #expect(configuration.filePeers.map(\.peerID) == [key.peerID])
    #expect(configuration.peers == configuration.staticPeers + configuration.filePeers)
    #expect(configuration.policy == .allowlist)
    #expect(configuration.backoffInitial == .seconds(2))
    #expect(configuration.backoffMax == .seconds(600))
    #expect(configuration.probeInterval == nil)
    #expect(configuration.probeMisses == 5)
    #expect(configuration.connectionTimeout == .milliseconds(250))
    #expect(configuration.drainTimeout == .seconds(1))
    #expect(configuration.connectionsMax == 1_000)
    #expect(configuration.connectionsInboundMax == 700)
    #expect(configuration.connectionsOutboundMax == 600)
    #expect(configuration.connectionsPerPeerMax == 3)
    #expect(configuration.connectionsPerIPMax == 4)
    #expect(configuration.connectionsPerSubnetMax == 0)
    #expect(configuration.lowWater == 100)
    #expect(configuration.highWater == 200)
    #expect(configuration.connectedPeersMin == 11)
    #expect(configuration.handshakesMax == 0)
    #expect(configuration.streamsPerConnectionMax == 10)
    #expect(configuration.streamsMax == 30)
    #expect(configuration.streamsPerPeerMax == 20)
    #expect(configuration.streamsPerProtocolMax == 0)
    #expect(configuration.buffersMax == 512 << 20)
    #expect(configuration.apiAddress.description == "0.0.0.0:8080")
    #expect(configuration.apiSocketMode == 0o600)
    #expect(configuration.apiToken != nil && configuration.apiAdminToken != nil)
    #expect(!configuration.apiMetricsPublic)
    #expect(configuration.apiTLS?.clientAuthority == configuration.apiTLS?.certificate)
    #expect(configuration.apiRequestsPerSecond == 50)
    #expect(configuration.apiInsecure)
    #expect(configuration.apiHosts == ["node.example.org"])
    #expect(configuration.apiOrigins == ["https://dash.example.org:8443"])
    #expect(configuration.perfEnabled)
    #expect(configuration.logLevel == .warning)
    #expect(configuration.logFormat == .json)
    #expect(configuration.logOverrides == ["quic": .debug, "host": .trace])
    #expect(configuration.shutdownTimeout == .zero)
    // All but the key that excludes private_key_file.
    for key in loaded.keys where key.name != "node.private_key" {
      #expect(loaded.origin(of: key.name) != .standard, "\(key.name)")
    }
    #expect(try IdentityStore.load(loaded)?.peerID == key.peerID)
  }

  @Test("A flag beats the environment, which beats the file, which beats the default")
  func precedence() throws {
    let yaml = "logging:\n  level: debug\n"
    let environment = ["FEDNODE_LOGGING_LEVEL": "error"]
    let flag = ConfigurationInput.FlagValue(flag: "--log-level", key: "logging.level", values: ["trace"])
    #expect(try self.load().configuration.logLevel == .info)
    let fromFile = try self.load(yaml)
    #expect(fromFile.configuration.logLevel == .debug)
    #expect(fromFile.origin(of: "logging.level") == .file(self.directory.path + "/fednode.yaml", line: 2))
    let fromEnvironment = try self.load(yaml, environment: environment)
    #expect(fromEnvironment.configuration.logLevel == .error)
    #expect(fromEnvironment.origin(of: "logging.level") == .environment("FEDNODE_LOGGING_LEVEL"))
    let fromFlag = try self.load(yaml, environment: environment, flags: [flag])
    #expect(fromFlag.configuration.logLevel == .trace)
    #expect(fromFlag.origin(of: "logging.level") == .flag("--log-level"))
  }

  @Test("Lists and mappings come from the environment too, and empty variables count as unset")
  func environment() throws {
    let configuration = try self.load(
      environment: [
        "FEDNODE_NETWORK_ADDRESSES": "/ip4/127.0.0.1/udp/1/quic-v1, /ip6/::1/udp/2/quic-v1",
        "FEDNODE_LOGGING_OVERRIDES": "quic=debug, host=error", "FEDNODE_API_ADDRESS": "[::1]:1",
        "FEDNODE_NODE_NAME": "", "FEDNODE_SERVICE_HOST": "10.0.0.1",
      ]
    ).configuration
    #expect(configuration.addresses.count == 2)
    #expect(configuration.logOverrides == ["quic": .debug, "host": .error])
    #expect(configuration.apiAddress.description == "[::1]:1")
    #expect(configuration.nodeName == nil)
  }

  @Test("Every key has its variable")
  func variables() {
    let names = ConfigurationKey.all(home: nil).map(\.environmentName)
    #expect(Set(names).count == names.count)
    #expect(names.contains("FEDNODE_LIMITS_STREAMS_PER_CONNECTION"))
  }

  @Test("All problems are told at once, each with its place and its mend")
  func allAtOnce() throws {
    let problems = try self.problems(
      """
      api:
        adress: 127.0.0.1:1
        address: 0.0.0.0:9080
      logging:
        level: loud
      network: 5
      limits:
        handshakes: 1
        handshakes: 2
      shutdown_timeout: 10
      """, environment: ["FEDNODE_API_ADRESS": "x", "FEDNODE_PERF_ENABLED": "yes"],
      flags: [.init(flag: "--listen", key: "network.addresses", values: ["/ip4/1.2.3.4/tcp/1"])])
    let file = self.directory.path + "/fednode.yaml"
    let found = problems.map { "\($0.place.replacingOccurrences(of: file, with: "file")) \($0.key ?? "-")" }
    #expect(
      found == [
        "file:9 -", "file:2 api.adress", "file:5 logging.level", "file:6 network", "file:10 shutdown_timeout",
        "environment FEDNODE_API_ADRESS -", "environment FEDNODE_PERF_ENABLED perf.enabled",
        "flag --listen network.addresses", "file:3 api.address",
      ])
    #expect(problems.allSatisfy { !$0.message.isEmpty && !$0.mend.isEmpty })
    #expect(problems[1].mend == "did you mean api.address?")
    #expect(problems[4].mend == "write 10s or 10ms")
    #expect(problems[5].mend == "did you mean FEDNODE_API_ADDRESS?")
  }

  @Test(
    "Values that do not fit are refused",
    arguments: [
      "data_dir: ''", "data_dir: [a]", "node: {name: ''}", "node: {name: \"a\\tb\"}", "network: {addresses: []}",
      "network: {addresses: /ip4/127.0.0.1/udp/1/quic-v1}", "network: {addresses: [x]}",
      "network: {addresses: [/dns4/a.example/udp/1/quic-v1]}",
      "network: {addresses: [/ip4/127.0.0.1/udp/1/quic-v1, /ip4/127.0.0.1/udp/1/quic-v1]}",
      "network: {announce: [/ip4/0.0.0.0/udp/1/quic-v1]}", "network: {event_loops: 2}", "network: {event_loops: 0}",
      "network: {congestion_control: reno}", "network: {idle_timeout: 4s}", "network: {idle_timeout: 30}",
      "network: {idle_timeout: 99999999999999999999s}", "network: {keep_alive: 30s}", "network: {keep_alive: never}",
      "peers: {connection_timeout: 1ms}", "limits: {handshakes: -1}", "limits: {handshakes: 65537}",
      "limits: {handshakes: many}", "limits: {buffers: 1GB2}", "limits: {buffers: 1073741824}",
      "limits: {buffers: 1MiB}", "limits: {streams_per_connection: 1.5}", "api: {address: '9080'}",
      "api: {address: 'unix:api.sock'}", "api: {address: 'unix:/run/'}", "api: {socket_mode: 0440}",
      "api: {socket_mode: 660a}", "api: {socket_mode: 1777}", "limits: {api_requests_per_second: -1}",
      "api: {address: 'example.org:80'}", "api: {address: '127.0.0.1:65536'}",
      "api: {address: '0.0.0.0:9080'}", "api: {address: '[::]:9080'}", "api: {insecure: 1}", "api: {hosts: x}",
      "api: {hosts: ['a b']}", "api: {origins: [example.org]}", "api: {origins: ['https://a/b']}",
      "perf: {enabled: yes}", "perf: true", "logging: {level: WARN}", "logging: {format: xml}",
      "logging: {overrides: [quic]}", "logging: {overrides: {quic: loud}}", "shutdown_timeout: -1s",
      "shutdown_timeout: {a: b}", "unknown: 1", "node: {private_key: x, private_key_file: y}", "[1]", "text", "a: [",
      "network: {dns_servers: [dns.example.org]}", "network: {dns_servers: ['192.0.2.1,192.0.2.2']}",
      "network: {dial_private: 0}", "federation: {size: 0}", "federation: {size: auto}", "peers: {static: {}}",
      "federation: {network: Main}", "federation: {network: ''}", "federation: {frame_limit: 1KiB}",
      "federation: {frame_limit: 17MiB}",
      "peers: {static: [{name: fed-01}]}", "peers: {file: /nonexistent/peers.yaml}", "peers: {policy: closed}",
      "peers: {backoff: 1s}", "peers: {backoff: {initial: 0s}}", "peers: {backoff: {initial: 10s, max: 5s}}",
      "peers: {probe: {interval: 0s}}", "peers: {probe: {misses: 0}}", "peers: {drain_timeout: 5}",
      "limits: {connections: -1}", "limits: {low_water: 3, high_water: 2}", "health: {min_connected_peers: all}",
      "node: {private_key: c2VjcmV0}", "node: {private_key_file: /nonexistent/key}",
    ])
  func refused(yaml: String) throws {
    #expect(try !self.problems(yaml).isEmpty)
  }

  @Test(
    "Misspelt keys are guessed",
    arguments: [
      ("adress: 1", "data_dir", false), ("api: {adress: 1}", "api.address", true),
      ("loging: {level: info}", "logging", true),
      ("network: {idle_timeuot: 1s}", "network.idle_timeout", true),
      ("peers: {keep_alive: 1s}", "network.keep_alive", true),
      ("federation: {sise: 4}", "federation.size", true), ("federation: {currency: btc}", "", false),
      ("peers: {backoff: {inital: 1s}}", "peers.backoff.initial", true),
    ])
  func guesses(yaml: String, guess: String, found: Bool) throws {
    let problem = try #require(try self.problems(yaml).first)
    #expect(problem.mend.contains("did you mean \(guess)?") == found, "\(problem)")
  }

  @Test("The API beyond loopback needs a word of consent", arguments: ["0.0.0.0:80", "192.0.2.1:80", "[::]:80"])
  func insecure(address: String) throws {
    let problem = try #require(try self.problems("api: {address: '\(address)'}").first)
    #expect(problem.key == "api.address")
    #expect(problem.mend.contains("api.insecure: true"))
    #expect(try self.problems("api: {address: '\(address)', insecure: true}").isEmpty)
  }

  @Test("Loopback needs none", arguments: ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])
  func loopback(address: String) throws {
    #expect(try self.problems("api: {address: '\(address)'}").isEmpty)
  }

  @Test("A private key in a file that others may read is refused")
  func openFile() throws {
    let yaml = "node:\n  private_key: \(IdentityStore.encode(try IdentityKey.generate()))\n"
    #expect(try self.problems(yaml, mode: 0o600).isEmpty)
    let problem = try #require(try self.problems(yaml, mode: 0o640).first)
    #expect(problem.key == "node.private_key")
    #expect(problem.mend.contains("chmod 600"))
    #expect(try self.problems("node: {name: x}", mode: 0o644).isEmpty)
  }

  @Test("A secret is never repeated, wherever it is wrong")
  func secrets() throws {
    for secret in ["c2VjcmV0LXNlY3JldC1zZWNyZXQ=", "hunter2 hunter2!", String(repeating: "s", count: 20_000)] {
      for problem in try self.problems("node: {private_key: \"\(secret)\"}", mode: 0o644) {
        #expect(!"\(problem)".contains(secret.prefix(8)))
      }
    }
  }

  @Test("Without --config the first file that exists is read; a named one must exist")
  func search() throws {
    var input = ConfigurationInput()
    input.environment = ["HOME": "/home/a", "XDG_CONFIG_HOME": "/config", "XDG_DATA_HOME": "relative"]
    #expect(input.searchPaths == ["./fednode.yaml", "/config/fednode/fednode.yaml", "/etc/fednode/fednode.yaml"])
    #expect(input.defaultDataDirectory == "/home/a/.local/share/fednode")
    input.environment = [:]
    #expect(input.searchPaths == ["./fednode.yaml", "/etc/fednode/fednode.yaml"])
    #expect(input.defaultDataDirectory == nil)

    input.file = self.directory.path + "/none.yaml"
    #expect(throws: ConfigurationFailure.self) { try ConfigurationLoader.load(input) }
    input.file = self.directory.path
    #expect(throws: ConfigurationFailure.self) { try ConfigurationLoader.load(input) }
  }

  @Test("What config show prints can be read again and says the same")
  func show() throws {
    let yaml = """
      node: {name: "null"}
      network: {keep_alive: 5s, addresses: [/ip6/::1/udp/1/quic-v1]}
      api: {address: "[::1]:9080", hosts: [a.example, "[::1]"], origins: ["http://x:1"]}
      peers:
        static: [{name: "fed 1", public_key: \(base64Encode([UInt8](repeating: 7, count: 32))), addresses: [/dnsaddr/a.example]}]
        file: \(try self.directory.write("peers.yaml", "peers: [{public_key: \(base64Encode([UInt8](repeating: 8, count: 32)))}]"))
        backoff: {initial: 3s}
        probe: {interval: off}
      logging: {overrides: {quic: debug}}
      """
    let first = try self.load(yaml)
    let shown = ConfigCommand.yaml(first)
    let second = try self.load(shown)
    for key in first.keys { #expect(key.show(first.configuration) == key.show(second.configuration), "\(key.name)") }
    #expect(shown.contains("fednode.yaml:2"))
    #expect(second.configuration.peers == first.configuration.peers)
    // Each section once, with all of its keys.
    let lines = shown.split(separator: "\n").map(String.init)
    for section in ["network:", "peers:", "  backoff:", "  probe:", "limits:", "api:"] {
      #expect(lines.count { $0 == section } == 1, "\(section)")
    }
    #expect(lines.contains { $0.hasPrefix("    initial: 3s  # ") })
    #expect(lines.contains { $0.hasPrefix("  connection_timeout: 10s  # default") })
  }

  @Test("peers.static counts where a peers file names the same peer, and no member stands there twice")
  func peers() throws {
    let (one, two) = (base64Encode([UInt8](repeating: 1, count: 32)), base64Encode([UInt8](repeating: 2, count: 32)))
    let file = try self.directory.write("peers.yaml", "peers: [{public_key: \(one), name: b}, {public_key: \(two)}]")
    let peers = try self.load("peers: {file: \(file), static: [{public_key: \(one), name: a}]}").configuration.peers
    #expect(peers.map(\.name) == ["a", nil])
    for (yaml, words) in [
      ("[{public_key: \(one), name: a}, {public_key: \(two), name: a}]", "has the name \"a\" twice"),
      ("[{public_key: \(one), name: a}, {public_key: \(one), name: b}]", "twice"),
    ] {
      let problem = try #require(try self.problems("peers: {static: \(yaml)}").first)
      #expect(problem.key == "peers.static")
      #expect(problem.message.contains(words))
    }
    try self.directory.write("peers.yaml", "peers:\n- {public_key: x}\n- {public_key: y}")
    let problems = try self.problems("peers: {file: \(file)}")
    #expect(problems.map(\.place) == ["\(file):2", "\(file):3"])
  }

  @Test("config show tells no secret")
  func showSecret() throws {
    let secret = IdentityStore.encode(try IdentityKey.generate())
    let loaded = try self.load("node: {private_key: \(secret)}")
    #expect(!ConfigCommand.yaml(loaded).contains(secret.prefix(10)))
    #expect(!ConfigCommand.json(loaded).contains(secret.prefix(10)))
    #expect(ConfigCommand.json(loaded).contains("[secret]"))
  }
}
