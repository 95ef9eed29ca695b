package import P2PCore

/// The node's heart: knows peers and connections, dials, serves protocols, publishes events.
package actor Host {
  package nonisolated let localPeer: PeerID
  package nonisolated let events: EventLog

  package init(localPeer: PeerID, events: EventLog) {
    self.localPeer = localPeer
    self.events = events
  }

  package func node() async -> NodeInfo { preconditionFailure() }
  /// Known peers, in the order of their ids.
  package func peers() async -> [PeerInfo] { [] }
  package func peer(_ id: PeerID) async -> PeerInfo? { nil }
  /// Live connections, oldest first.
  package func connections() async -> [ConnectionInfo] { [] }
  package func connection(_ id: String) async -> ConnectionInfo? { nil }

  /// Connects to `peer` (or whoever answers, when nil) at one of `addresses`; reuses a live connection to a named
  /// peer. Never throws: the answer lists every attempt. Cancelling the task cancels the dial.
  package func dial(peer: PeerID?, addresses: [Multiaddr], timeout: Duration?) async -> DialResult { preconditionFailure() }

  /// Closes all connections to `peer`; false when the peer is unknown.
  package func disconnect(_ peer: PeerID, reason: String) async -> Bool { false }
  /// False when there is no such live connection. `abort` does not wait for streams.
  package func closeConnection(_ id: String, abort: Bool) async -> Bool { false }
  /// Nil when not connected. One stream a ping; results in order.
  package func ping(_ peer: PeerID, count: Int, timeout: Duration) async -> [PingResult]? { nil }
}

/// Events of this node, numbered from 1 without gaps.
package final class EventLog: Sendable {
  /// Distinguishes this run of the process: 12 hex digits.
  package let bootID: String

  package init(bootID: String) { self.bootID = bootID }

  /// Calls `deliver` for each later event, in order, from any thread, outside locks; it must return at once.
  /// The answer ends the subscription.
  package func subscribe(_ deliver: @escaping @Sendable (NodeEvent) -> Void) -> @Sendable () -> Void { {} }
}

/// One thing that happened.
package struct NodeEvent: Sendable {
  /// Grows by one per event of the node.
  package var number: UInt64
  /// Milliseconds since the Unix epoch.
  package var time: Int64
  /// `connection.state_changed`, …
  package var type: String
  package var peerID: PeerID?
  package var connectionID: String?
  /// Further members, in order.
  package var fields: [(String, EventValue)]
}

/// A JSON-shaped value.
package indirect enum EventValue: Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  case array([EventValue])
  case object([(String, EventValue)])
}
