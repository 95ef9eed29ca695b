package import P2PCore

// What the host tells about itself. Field names follow the management contract; times are milliseconds since the
// Unix epoch, durations are `Duration`.

package struct NodeInfo: Sendable {
  package var peerID: PeerID
  package var publicKey: PublicKey
  package var agentVersion: String
  /// The federation's; nil where none is configured.
  package var network: String?
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
  package var traffic = Traffic()
  package var limits: [LimitInfo] = []
  package var pinned = PinnedCounts()
  package var quorum = QuorumInfo(required: 0, isMet: true)
  package var keeping = KeepingInfo()
  package var draining: Bool
}

/// Of all connections since the start, those that are gone included.
package struct Traffic: Sendable, Hashable {
  package var bytesIn: UInt64 = 0
  package var bytesOut: UInt64 = 0
  package var packetsIn: UInt64 = 0
  package var packetsOut: UInt64 = 0
  package var packetsLost: UInt64 = 0

  mutating func add(_ statistics: ConnectionStatistics) {
    self.bytesIn += statistics.bytesIn
    self.bytesOut += statistics.bytesOut
    self.packetsIn += statistics.packetsIn
    self.packetsOut += statistics.packetsOut
    self.packetsLost += statistics.packetsLost ?? 0
  }
}

/// Peers that are to be kept connected and are not paused.
package struct PinnedCounts: Sendable, Hashable {
  package var total = 0
  /// Of these, connected.
  package var connected = 0
  /// Of these, with an agreement.
  package var agreed = 0
  /// Of these, with a clock that is off by more than `Host.clockOffsetMax`.
  package var skewed = 0

  package init(total: Int = 0, connected: Int = 0, agreed: Int = 0, skewed: Int = 0) {
    self.total = total
    self.connected = connected
    self.agreed = agreed
    self.skewed = skewed
  }
}

/// Counts of what is under way and remembered.
package struct KeepingInfo: Sendable, Hashable {
  /// Dials under way.
  package var dials = 0
  /// Pinned peers that wait for their next dial.
  package var waiting = 0
  package var blocklistEntries = 0
  package var unknownPeers = 0
}

/// Whether enough of the pinned peers are connected for the node to do its work.
package struct QuorumInfo: Sendable, Hashable {
  package var required: Int
  /// With hysteresis: a short dip does not count.
  package var isMet: Bool
  /// What is counted: peers that something is agreed with, or connected ones.
  package var countsAgreements = false
}

/// A limit and how much of it is used.
package struct LimitInfo: Sendable, Hashable {
  /// The key that sets it: `limits.connections`.
  package var scope: String
  package var used: Int
  /// Nil: none.
  package var limit: Int?
}

package struct PeerInfo: Sendable {
  package struct Address: Sendable {
    package var address: Multiaddr
    /// `config`, `api`, `dial`, `identify`, `inbound`
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
  /// As the configuration or an operator calls it.
  package var name: String?
  package var state: LinkState
  package var stateSince: Int64
  /// Kept connected: redialled for ever, never trimmed.
  package var pinned: Bool = false
  /// Pinned, but an operator disconnected it; until it is connected again.
  package var paused: Bool = false
  package var blocked: Bool = false
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
  /// When a pinned peer is dialled next.
  package var nextAttemptAt: Int64?
  /// The wait that ends then.
  package var backoff: Duration?
  package var failureCount: Int
  package var addresses: [Address]
  /// What the two nodes are agreed on now.
  package var agreement: PeerAgreement?
  /// Why they did not agree when they last tried to; nil once they do.
  package var agreementFailure: PeerAgreementFailure?
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

/// A connection that is gone, with its last figures.
package struct ClosedConnectionInfo: Sendable {
  package var connection: ConnectionInfo
  package var closedAt: Int64
  package var reason: CloseReason
}

/// A dial that is under way or has lately ended.
package struct DialInfo: Sendable {
  package enum State: String, Sendable, CaseIterable { case running, connected, failed, cancelled }

  /// `d-` and a number.
  package var id: String
  /// Nil for whoever answers.
  package var peerID: PeerID?
  package var addresses: [Multiaddr]
  package var state: State
  package var startedAt: Int64
  package var endedAt: Int64?
  package var connectionID: String?
  package var attempts: [DialAttempt] = []
  package var error: DialError?
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
