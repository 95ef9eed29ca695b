internal import GnuTLS
internal import Logging
internal import P2PCore

/// The configuration in force. The values here are the defaults; `ConfigurationKey.all` says how each is set.
struct Configuration: Sendable {
  /// Where the identity is kept; empty when neither `HOME` nor `XDG_DATA_HOME` says where.
  var dataDirectory = ""

  // node
  /// For logs.
  var nodeName: String?
  /// Secret, base64.
  var privateKey: String?
  var privateKeyFile: String?

  // network
  var addresses: [Multiaddr] = Configuration.defaultAddresses
  /// Told to peers instead of what was found, when not empty.
  var announce: [Multiaddr] = []
  /// Nil: automatic.
  var eventLoops: Int?
  var congestionControl = CongestionControl.bbr
  var idleTimeout: Duration = .seconds(30)
  /// Nil: a third of the effective idle timeout.
  var keepAlive: Duration?

  // peers
  var connectionTimeout: Duration = .seconds(10)

  // limits
  /// Half open, inbound; 0 is no limit.
  var handshakesMax = 256
  /// Inbound, at one time; 0 is no limit.
  var streamsPerConnectionMax = 256

  // api
  /// Port 0: any free one.
  var apiAddress = IPEndpoint(address: [127, 0, 0, 1], port: 9080)
  /// Serve beyond loopback although nobody is asked for a token.
  var apiInsecure = false
  /// Further names that a Host header may have.
  var apiHosts: [String] = []
  /// Further web origins that may change something.
  var apiOrigins: [String] = []

  // perf
  var perfEnabled = false

  // logging
  var logLevel = LogLevel.info
  /// Nil: text on a terminal, JSON otherwise.
  var logFormat: LogFormat?
  var logOverrides: [String: LogLevel] = [:]

  var shutdownTimeout: Duration = .seconds(10)

  private static let defaultAddresses: [Multiaddr] = [
    Multiaddr(quic: IPEndpoint(address: [UInt8](repeating: 0, count: 4), port: 9000)),
    Multiaddr(quic: IPEndpoint(address: [UInt8](repeating: 0, count: 16), port: 9000)),
  ]
}

enum CongestionControl: String, Sendable, CaseIterable {
  case bbr
  case cubic
}
