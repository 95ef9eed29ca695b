package import MicroHTTP

/// What the API is told by the configuration.
package struct APIConfiguration: Sendable {
  /// A numeric IPv4 or IPv6 address to listen on.
  package var address: String
  /// 0: any free one.
  package var port: UInt16
  /// Names that a `Host` header may have besides those of loopback and `address` (`api.hosts`).
  package var hosts: [String] = []
  /// Web origins that may change something besides the API's own (`api.origins`).
  package var origins: [String] = []
  /// Who shows it may look (`api.token_file`). Without any token everyone may do everything.
  package var readToken: APIToken?
  /// Who shows it may look and change (`api.admin_token_file`).
  package var adminToken: APIToken?
  /// Whether `/metrics` needs no token (`api.metrics_public`).
  package var isMetricsPublic = true
  /// Of one client (`limits.api_requests_per_second`); nil: no limit.
  package var requestsPerSecond: Int?
  /// Of a Unix socket to listen on instead of `address` and `port`.
  package var socketPath: String?
  /// Its permission bits (`api.socket_mode`).
  package var socketMode: UInt32 = 0o660
  /// `api.tls`; nil: without encryption.
  package var tls: TLSFiles?
  /// Of this build, `1.2.3`.
  package var version: String

  package init(address: String = "127.0.0.1", port: UInt16 = 9080, version: String) {
    self.address = address
    self.port = port
    self.version = version
  }
}
