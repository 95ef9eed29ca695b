/// An authenticated connection to one peer. All members may be called from any thread.
package protocol Connection: AnyObject, Sendable {
  /// Unique within this process: `c-` and a number.
  var id: String { get }
  var direction: Direction { get }
  var remotePeer: PeerID { get }
  var remotePublicKey: PublicKey { get }
  /// Without `/p2p`.
  var localAddress: Multiaddr { get }
  /// Without `/p2p`. Changes when the remote migrates.
  var remoteAddress: Multiaddr { get }
  /// Milliseconds since the Unix epoch.
  var openedAt: Int64 { get }
  var handshakeDuration: Duration { get }
  var security: ConnectionSecurity { get }
  /// `quic-v1`'s wire version, `1`.
  var quicVersion: String { get }

  /// Opens a bidirectional stream; waits while the remote's stream limit is used up.
  func openStream() async throws(StreamError) -> any Stream

  /// As `openStream`, on the transport's thread; nil elsewhere, and when that would have to wait.
  func openStreamNow() -> Result<any Stream, StreamError>?

  /// Figures of this moment; nil once the connection is gone.
  func statistics() async -> ConnectionStatistics?

  /// The last figures of a connection that is gone; nil before.
  var finalStatistics: ConnectionStatistics? { get }

  /// Closes with an application error code (libp2p specs: error-codes). Idempotent; `.closed` follows.
  func close(code: UInt64, reason: String)
}

extension Connection {
  package func openStreamNow() -> Result<any Stream, StreamError>? { nil }
}

/// How a connection is protected.
package struct ConnectionSecurity: Sendable, Hashable {
  /// `1.3`
  package var tlsVersion: String
  /// `AES-128-GCM`
  package var cipher: String
  /// Key exchange group, `X25519`
  package var group: String
  /// Type of the remote's identity key.
  package var keyType: KeyType

  package init(tlsVersion: String, cipher: String, group: String, keyType: KeyType) {
    self.tlsVersion = tlsVersion
    self.cipher = cipher
    self.group = group
    self.keyType = keyType
  }
}

/// Figures of a connection, from the transport's own accounting.
package struct ConnectionStatistics: Sendable {
  package var bytesIn: UInt64 = 0
  package var bytesOut: UInt64 = 0
  package var packetsIn: UInt64 = 0
  package var packetsOut: UInt64 = 0
  /// Packets of ours that the transport declared lost (RFC 9002 §6.1); nil where it does not tell. ngtcp2 before 1.16
  /// leaves out those without stream data, counts one with data of several streams for each of them, and does not
  /// count one again whose data a probe timeout had sent already.
  package var packetsLost: UInt64?
  package var rttLatest: Duration?
  package var rttSmoothed: Duration?
  package var rttMinimum: Duration?
  package var rttVariance: Duration?
  /// Bytes.
  package var congestionWindow: UInt64 = 0
  package var bytesInFlight: UInt64 = 0
  /// Largest UDP payload on the path, bytes.
  package var mtu: Int = 0
  package var streamsInbound: Int = 0
  package var streamsOutbound: Int = 0
  /// Milliseconds since the Unix epoch.
  package var lastActivityAt: Int64 = 0
  /// Interval of keep-alive; nil when off.
  package var keepAlive: Duration?

  package init() {}
}
