internal import GnuTLS
internal import Logging
internal import ManagementAPI
internal import MicroHTTP
internal import P2PCore
internal import P2PHost

/// The configuration in force. The values here are the defaults; `ConfigurationKey.all` says how each is set.
struct Configuration: Sendable {
  /// Where the identity and the address book are kept; empty when neither `HOME` nor `XDG_DATA_HOME` says where.
  var dataDirectory = ""

  // node
  /// For logs.
  var nodeName: String?
  /// Secret, base64.
  var privateKey: String?
  var privateKeyFile: String?

  // network
  var addresses: [Multiaddr] = Configuration.defaultAddresses
  /// Whose addresses 0.0.0.0 and `::` of `addresses` stand for; empty: all.
  var interfaces: [String] = []
  /// Told to peers instead of what was found, when not empty.
  var announce: [Multiaddr] = []
  /// Nil: automatic.
  var eventLoops: Int?
  var congestionControl = CongestionControl.bbr
  var idleTimeout: Duration = .seconds(30)
  /// Nil: a third of the effective idle timeout.
  var keepAlive: Duration?

  /// Dial RFC 1918 and ULA addresses.
  var dialPrivate = true
  /// Empty: the system's.
  var dnsServers: [String] = []

  // federation
  /// Members of another one are refused.
  var federationNetwork = "mainnet"
  /// Largest frame that this node accepts, bytes.
  var frameMax: UInt64 = 1 << 20
  /// Members: what the limits are derived from.
  var federationSize = 64

  // peers
  /// Kept connected.
  var staticPeers: [BookEntry] = []
  var peersFile: String?
  /// Of `peersFile`, those that are not in `staticPeers`; read by the loader.
  var filePeers: [BookEntry] = []
  /// Addresses of `peersFile` that named a TCP port and are taken as QUIC.
  var peersFileTranslated = 0
  var policy = Gate.Policy.open
  var connectionTimeout: Duration = .seconds(10)
  var drainTimeout: Duration = .seconds(5)
  var backoffInitial: Duration = .seconds(1)
  var backoffMax: Duration = .seconds(300)
  /// Nil: no pings.
  var probeInterval: Duration? = .seconds(15)
  var probeMisses = 3

  // limits; nil is derived from `federationSize`, 0 is no limit
  var connectionsMax: Int?
  var connectionsInboundMax: Int?
  var connectionsOutboundMax: Int?
  var connectionsPerPeerMax = 2
  var connectionsPerIPMax: Int?
  var connectionsPerSubnetMax: Int?
  var lowWater: Int?
  var highWater: Int?
  /// Half open, inbound.
  var handshakesMax: Int?
  /// Inbound, at one time; 0 is no limit.
  var streamsPerConnectionMax = 256
  /// Inbound, in all, at one time; 0 is no limit.
  var streamsMax = StreamLimits().total
  /// Inbound, of one peer, at one time; 0 is no limit.
  var streamsPerPeerMax = StreamLimits().perPeer
  /// Inbound, of one protocol over all peers, at one time; 0 is no limit.
  var streamsPerProtocolMax = StreamLimits().perProtocol
  /// Bytes that all peers together may send before they are read.
  var buffersMax: UInt64?

  // api
  /// Port 0: any free one.
  var apiAddress = APIAddress.ip(IPEndpoint(address: [127, 0, 0, 1], port: 9080))
  /// Permission bits of the Unix socket, where it is one.
  var apiSocketMode: UInt32 = 0o660
  /// Serve beyond loopback although nobody is asked for a token.
  var apiInsecure = false
  var apiTokenFile: String?
  var apiAdminTokenFile: String?
  /// What is in `apiTokenFile` and `apiAdminTokenFile`; read by the loader.
  var apiToken: APIToken?
  var apiAdminToken: APIToken?
  var apiMetricsPublic = true
  var apiCertificateFile: String?
  var apiKeyFile: String?
  var apiClientCAFile: String?
  /// What is in the three; read by the loader.
  var apiTLS: TLSFiles?
  /// Of one client; 0 is no limit.
  var apiRequestsPerSecond = 1_000
  /// Further names that a Host header may have.
  var apiHosts: [String] = []
  /// Further web origins that may change something.
  var apiOrigins: [String] = []

  // health
  /// Nil: 75 % of the pinned peers.
  var connectedPeersMin: Int?

  // perf
  var perfEnabled = false

  // logging
  var logLevel = LogLevel.info
  /// Nil: text on a terminal, JSON otherwise.
  var logFormat: LogFormat?
  var logOverrides: [String: LogLevel] = [:]

  var shutdownTimeout: Duration = .seconds(10)

  /// All that are kept connected.
  var peers: [BookEntry] { self.staticPeers + self.filePeers }

  private static let defaultAddresses: [Multiaddr] = [
    Multiaddr(quic: IPEndpoint(address: [UInt8](repeating: 0, count: 4), port: 9000)),
    Multiaddr(quic: IPEndpoint(address: [UInt8](repeating: 0, count: 16), port: 9000)),
  ]
}

enum CongestionControl: String, Sendable, CaseIterable {
  case bbr
  case cubic
}
