package import P2PCore
package import P2PHost

/// What the API needs of a node. `Host` is one; tests bring their own.
package protocol NodeControl: Sendable {
  var localPeer: PeerID { get }
  var events: EventLog { get }
  var counters: HostCounters { get }

  func node() async -> NodeInfo
  func peers() async -> [PeerInfo]
  func peer(_ id: PeerID) async -> PeerInfo?
  func connections() async -> [ConnectionInfo]
  func connection(_ id: String) async -> ConnectionInfo?
  func dial(peer: PeerID?, addresses: [Multiaddr], timeout: Duration?) async -> DialResult
  func disconnect(_ peer: PeerID, reason: String) async -> Bool
  func closeConnection(_ id: String, abort: Bool) async -> Bool
  func ping(_ peer: PeerID, count: Int, timeout: Duration) async -> [PingResult]?
}

extension Host: NodeControl {}
