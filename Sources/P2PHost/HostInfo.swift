package import P2PCore

// What the host tells about itself. Field names follow the management contract; times are milliseconds since the
// Unix epoch, durations are `Duration`.

package struct NodeInfo: Sendable {
  package var peerID: PeerID
  package var publicKey: PublicKey
  package var agentVersion: String
  package var startedAt: Int64
  package var protocols: [String]
  package var listenAddresses: [Multiaddr]
  package var announceAddresses: [Multiaddr]
  package var observedAddresses: [(address: Multiaddr, observers: Int)]
  package var listeners: [ListenerStatus]
  package var peersByState: [LinkState: Int]
  package var connectionsByState: [LinkState: Int]
  package var connectionsByDirection: [Direction: Int]
  package var streams: Int
  package var draining: Bool
}

package struct PeerInfo: Sendable {
  package struct Address: Sendable {
    package var address: Multiaddr
    /// `dial`, `identify`, `inbound`, `api`
    package var source: String
    package var lastAttemptAt: Int64?
    package var lastSuccessAt: Int64?
    package var lastError: DialError?
  }

  package struct Disconnect: Sendable {
    package var at: Int64
    package var reason: CloseReason
  }

  package var peerID: PeerID
  package var state: LinkState
  package var stateSince: Int64
  /// Of the oldest live connection.
  package var direction: Direction?
  package var agentVersion: String?
  package var protocols: [String]
  package var connections: [String]
  package var firstSeenAt: Int64
  package var lastSeenAt: Int64?
  package var connectedAt: Int64?
  package var lastDisconnect: Disconnect?
  package var flapCount: Int
  package var rtt: Duration?
  package var bytesIn: UInt64
  package var bytesOut: UInt64
  package var failureCount: Int
  package var addresses: [Address]
}

package struct ConnectionInfo: Sendable {
  package var id: String
  package var peerID: PeerID
  package var state: LinkState
  package var direction: Direction
  package var localAddress: Multiaddr
  package var remoteAddress: Multiaddr
  package var openedAt: Int64
  package var handshake: Duration
  package var security: ConnectionSecurity
  package var quicVersion: String
  package var statistics: ConnectionStatistics?
}

/// One address tried by a dial.
package struct DialAttempt: Sendable {
  package enum Outcome: String, Sendable { case connected, failed, cancelled, skipped }

  package var address: Multiaddr
  /// The name that was resolved to `address`.
  package var resolvedFrom: Multiaddr?
  package var startedAt: Int64
  package var endedAt: Int64
  package var outcome: Outcome
  package var error: DialError?
}

package struct DialResult: Sendable {
  /// Nil when every attempt failed; then `error` says why.
  package var connection: ConnectionInfo?
  package var reused: Bool
  package var attempts: [DialAttempt]
  package var error: DialError?
}

package struct PingResult: Sendable {
  package var rtt: Duration?
  package var error: String?
}
