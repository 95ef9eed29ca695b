/// What an operator can set of the transport.
package struct QUICConfiguration: Sendable {
  package enum CongestionControl: String, Sendable, CaseIterable { case bbr, cubic }

  package var congestionControl = CongestionControl.bbr
  /// Ours; the smaller of both ends' counts (RFC 9000 §10.1).
  package var idleTimeout = Duration.seconds(30)
  /// Nil: a third of the effective idle timeout.
  package var keepAlive: Duration?
  /// From the first packet to the end of the handshake of an inbound connection.
  package var handshakeTimeout = Duration.seconds(10)
  /// Streams that a remote may have open on one connection.
  package var streamsPerConnection = 256
  /// Inbound handshakes under way; Retry is asked for from half of it on, beyond it newcomers are refused.
  package var handshakesMax = 256
  /// Connections in all, beyond which inbound ones are refused.
  package var connectionsMax = 4_096
  /// Bytes that a stream or a connection may send us before we read, at first and at most (auto-tuned in between).
  package var streamWindow: UInt64 = 1 << 20
  package var connectionWindow: UInt64 = 3 << 19
  package var streamWindowMax: UInt64 = 10 << 20
  package var connectionWindowMax: UInt64 = 15 << 20
  /// Bytes that all remotes together may send us before we read; a connection for which nothing is left is refused.
  package var buffersMax: UInt64 = 8 << 30

  /// Follow this machine's addresses and routes; a transport that does not listen never does.
  package var watchesNetwork = true

  /// Off only where the full cost of a handshake is measured.
  package var cachesCertificates = true

  package init() {}
}

extension Duration {
  /// Clamped to what fits; negative is 0.
  var nanosecondsClamped: UInt64 {
    let (seconds, attoseconds) = self.components
    if seconds < 0 || attoseconds < 0 { return 0 }
    let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? UInt64(Int64.max) : min(product + UInt64(attoseconds / 1_000_000_000), UInt64(Int64.max))
  }
}
