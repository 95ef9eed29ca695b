internal import Logging
internal import P2PCore
internal import P2PHost

/// One key of the configuration: what drives the file, the environment, the flags and `config show` alike.
struct ConfigurationKey: Sendable {
  /// As in the file, with dots between the levels.
  let name: String
  /// For people, one line.
  let summary: String
  /// Completes "expected …".
  let expects: String
  /// Never shown.
  let isSecret: Bool
  let shape: ValueShape
  let set: @Sendable (RawValue, inout Configuration) throws(ValueError) -> Void
  let show: @Sendable (Configuration) -> RawValue
  /// Takes the value of this key over from another configuration.
  let copy: @Sendable (_ from: Configuration, _ to: inout Configuration) -> Void

  /// The name in the environment.
  var environmentName: String {
    "FEDNODE_" + self.name.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
  }

  private init<Value>(
    _ name: String, _ path: any WritableKeyPath<Configuration, Value> & Sendable, _ type: ValueType<Value>,
    isSecret: Bool = false, _ summary: String
  ) {
    self.name = name
    self.summary = summary
    self.expects = type.expects
    self.isSecret = isSecret
    self.shape = type.shape
    self.set = { raw, configuration throws(ValueError) in configuration[keyPath: path] = try type.read(raw) }
    self.show = { type.show($0[keyPath: path]) }
    self.copy = { $1[keyPath: path] = $0[keyPath: path] }
  }

  private static let limit = ValueType<Int>.integer(0...65_536).or("auto")

  /// All keys in the order in which they are shown.
  ///
  /// - Parameter home: what `~` stands for.
  static func all(home: String?) -> [ConfigurationKey] {
    let path = ValueType<String>.path(home: home)
    return [
      .init("data_dir", \.dataDirectory, path, "where the identity and the address book are kept"),
      .init(
        "node.name", \.nodeName, ValueType<String>.peerName.optional, "a name for logs"),
      .init(
        "node.private_key", \.privateKey, ValueType<String>.text("a private key in base64", max: 16_384).optional,
        isSecret: true,
        "base64 of a 64-byte Ed25519 key or of a libp2p PrivateKey"),
      .init(
        "node.private_key_file", \.privateKeyFile, path.optional,
        "a file with the same, mode 0600; without both: identity.key in data_dir, made at first start"),
      .init("network.addresses", \.addresses, ValueType<Multiaddr>.listenAddress.list(max: 16), "where to listen"),
      .init(
        "network.interfaces", \.interfaces, ValueType<String>.interfaceName.list(max: 16),
        "listen on the addresses of these instead of 0.0.0.0 and ::, as they come and go"),
      .init(
        "network.announce", \.announce, ValueType<Multiaddr>.dialAddress.list(max: 16),
        "told to peers instead of what was found"),
      .init(
        "network.event_loops", \.eventLoops, ValueType<Int>.integer(1...1).or("auto"), "threads that serve the network"),
      .init("network.congestion_control", \.congestionControl, .choice, "how fast to send"),
      .init(
        "network.idle_timeout", \.idleTimeout, .duration(.seconds(5)...Duration.seconds(600)),
        "a silent connection is closed after this"),
      .init(
        "network.keep_alive", \.keepAlive, ValueType<Duration>.duration(.seconds(1)...Duration.seconds(300)).or("auto"),
        "how often a quiet connection shows life; auto: a third of the effective idle timeout"),
      .init(
        "network.dial_private", \.dialPrivate, .boolean, "dial addresses of private networks (RFC 1918, RFC 4193)"),
      .init(
        "network.dns_servers", \.dnsServers, ValueType<String>.dnsServer.list(max: 8),
        "asked for names instead of the system's"),
      .init(
        "federation.network", \.federationNetwork, .networkName, "members of another network are refused"),
      .init(
        "federation.frame_limit", \.frameMax, .size((4 << 10)...(16 << 20)),
        "the largest frame that this node accepts of a member"),
      .init(
        "federation.size", \.federationSize, .integer(1...4_096), "members; what the limits are derived from"),
      .init(
        "peers.static", \.staticPeers, ValueType<BookEntry>.peer.list(max: 4_096), "members, which are kept connected"),
      .init("peers.file", \.peersFile, path.optional, "a list of further ones, as the Go node keeps it"),
      .init(
        "peers.policy", \.policy, .choice, "allowlist: only peers of the address book may connect"),
      .init(
        "peers.backoff.initial", \.backoffInitial, .duration(.milliseconds(100)...Duration.seconds(3_600)),
        "the wait after the first failed dial of a pinned peer, doubled with each"),
      .init(
        "peers.backoff.max", \.backoffMax, .duration(.seconds(1)...Duration.seconds(86_400)), "the longest wait"),
      .init(
        "peers.probe.interval", \.probeInterval,
        ValueType<Duration>.duration(.seconds(1)...Duration.seconds(3_600)).or("off"),
        "how often each connection is pinged"),
      .init(
        "peers.probe.misses", \.probeMisses, .integer(1...100),
        "pings without an answer after which a connection is given up"),
      .init(
        "peers.connection_timeout", \.connectionTimeout, .duration(.milliseconds(100)...Duration.seconds(300)),
        "a dial is given up after this"),
      .init(
        "peers.drain_timeout", \.drainTimeout, .duration(.seconds(0)...Duration.seconds(300)),
        "how long the streams of a connection that is being closed may take to end"),
      .init("limits.connections", \.connectionsMax, Self.limit, "connections in all"),
      .init("limits.connections_inbound", \.connectionsInboundMax, Self.limit, "connections that others began"),
      .init("limits.connections_outbound", \.connectionsOutboundMax, Self.limit, "connections that this node began"),
      .init(
        "limits.connections_per_peer", \.connectionsPerPeerMax, .integer(0...1_024),
        "connections of one peer; 0: no limit"),
      .init("limits.connections_per_ip", \.connectionsPerIPMax, Self.limit, "of one address; pinned peers are exempt"),
      .init(
        "limits.connections_per_subnet", \.connectionsPerSubnetMax, Self.limit,
        "of one /24 or /56; pinned peers are exempt"),
      .init("limits.low_water", \.lowWater, Self.limit, "where trimming ends"),
      .init(
        "limits.high_water", \.highWater, Self.limit,
        "above so many connections the least valuable are closed; 0: never"),
      .init(
        "limits.handshakes", \.handshakesMax, Self.limit,
        "half-open inbound connections; peers must prove their address from half of it on; 0: no limit"),
      .init(
        "limits.streams_per_connection", \.streamsPerConnectionMax, .integer(0...65_536),
        "inbound streams of one connection; 0: no limit"),
      .init("limits.streams", \.streamsMax, .integer(0...1_048_576), "inbound streams in all; 0: no limit"),
      .init(
        "limits.streams_per_peer", \.streamsPerPeerMax, .integer(0...65_536), "inbound streams of one peer; 0: no limit"
      ),
      .init(
        "limits.streams_per_protocol", \.streamsPerProtocolMax, .integer(0...65_536),
        "inbound streams of one protocol over all peers; 0: no limit"),
      .init(
        "limits.buffers", \.buffersMax, ValueType<UInt64>.size((64 << 20)...(1 << 50)).or("auto"),
        "memory that all peers together may fill with what is not read yet"),
      .init(
        "limits.api_requests_per_second", \.apiRequestsPerSecond, .integer(0...1_000_000),
        "requests of one client of the API; 0: no limit"),
      .init(
        "health.min_connected_peers", \.connectedPeersMin, ValueType<Int>.integer(0...4_096).or("auto"),
        "pinned peers that must be connected to be ready; auto: 75 % of them"),
      .init("api.address", \.apiAddress, .apiAddress, "where the management API listens"),
      .init("api.socket_mode", \.apiSocketMode, .socketMode, "who may connect, where it is a Unix socket"),
      .init(
        "api.token_file", \.apiTokenFile, path.optional, "a file with the token that one needs to look, mode 0600"),
      .init(
        "api.admin_token_file", \.apiAdminTokenFile, path.optional,
        "a file with the token that one needs to change something, mode 0600"),
      .init(
        "api.insecure", \.apiInsecure, .boolean,
        "true: serve the API beyond loopback without tokens, to anyone who reaches it"),
      .init(
        "api.tls.certificate_file", \.apiCertificateFile, path.optional,
        "PEM of a certificate, and of those that signed it: the API is HTTPS"),
      .init("api.tls.key_file", \.apiKeyFile, path.optional, "PEM of its private key, mode 0600"),
      .init(
        "api.tls.client_ca_file", \.apiClientCAFile, path.optional,
        "PEM of certificates, of which one must have signed that of a client; without it clients need none"),
      .init("api.metrics_public", \.apiMetricsPublic, .boolean, "/metrics needs no token"),
      .init(
        "api.hosts", \.apiHosts,
        ValueType<String>.hostName.list(max: 32),
        "further names that a request's Host header may have"),
      .init(
        "api.origins", \.apiOrigins, ValueType<String>.origin.list(max: 32),
        "further web origins that may change something"),
      .init("perf.enabled", \.perfEnabled, .boolean, "serve /perf/1.0.0: anyone may make this node send"),
      .init("logging.level", \.logLevel, .logLevel, "the least severity that is logged"),
      .init(
        "logging.format", \.logFormat, ValueType<LogFormat>.logFormat.or("auto"), "auto: text on a terminal"),
      .init(
        "logging.overrides", \.logOverrides, ValueType<LogLevel>.logLevel.map(max: 32), "levels of single subsystems"),
      .init(
        "shutdown_timeout", \.shutdownTimeout, .duration(.seconds(0)...Duration.seconds(300)),
        "how long the node may take to end"),
    ]
  }
}

extension ValueType<LogLevel> {
  static let logLevel = ValueType.choice(LogLevel.allCases) { $0.name }
}

extension ValueType<LogFormat> {
  static let logFormat = ValueType.choice(LogFormat.allCases) { $0 == .text ? "text" : "json" }
}

extension ValueType<String> {
  static let hostName = ValueType.single(
    "a host name, for example node.example.org",
    { text in
      let isPlain = text.utf8.allSatisfy { character in
        switch character {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: ".-_:[]".utf8.contains(character)
        }
      }
      return isPlain && !text.isEmpty && text.utf8.count <= 253 ? text : nil
    }, show: { $0 })

  static let interfaceName = ValueType.single(
    "the name of a network interface, for example eth0",
    { text throws(ValueError) in
      if text.utf8.count > 15 {
        throw ValueError("\(quoted(text)) is longer than 15 bytes", mend: "write a name that ip link shows")
      }
      let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"/:%".utf8.contains($0) }
      return isPlain && !text.isEmpty && text != "." && text != ".." ? text : nil
    }, show: { $0 })

  static let networkName = ValueType.single(
    "a network: mainnet, signet, testnet4, regtest or a name of your own of a-z, 0-9 and -",
    { text in
      let isPlain = text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || byte == UInt8(ascii: "-")
      }
      return isPlain && (1...32).contains(text.utf8.count) ? text : nil
    }, show: { $0 })

  static let dnsServer = ValueType.single(
    "a DNS server, for example 192.0.2.53 or [2001:db8::53]:5353", { Resolver.isServer($0) ? $0 : nil }, show: { $0 })

  static let origin = ValueType.single(
    "a web origin, for example https://dash.example.org:8443",
    { text in
      let host = text.hasPrefix("https://") ? text.dropFirst(8) : text.hasPrefix("http://") ? text.dropFirst(7) : ""
      let isPlain = host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"/?#@\\".utf8.contains($0) }
      return !host.isEmpty && host.utf8.count <= 300 && isPlain ? text : nil
    }, show: { $0 })
}
