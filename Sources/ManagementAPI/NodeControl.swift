package import P2PCore
package import P2PHost

/// What the API needs of a node. `Host` is one; tests bring their own.
package protocol NodeControl: Sendable {
  var localPeer: PeerID { get }
  var events: EventLog { get }
  var counters: HostCounters { get }

  func node() async -> NodeInfo
  func transportFigures() async -> TransportFigures
  func peers(_ query: PeerQuery) async -> Listing<PeerInfo, PeerID>
  func peer(_ id: PeerID) async -> PeerInfo?
  func connections(_ query: ConnectionQuery) async -> Listing<ConnectionInfo, UInt64>
  func connection(_ id: String) async -> ConnectionInfo?
  func snapshot(of peers: Set<PeerID>) async -> HostSnapshot
  func dial(peer: PeerID?, addresses: [Multiaddr], timeout: Duration?) async -> DialResult
  func disconnect(_ peer: PeerID, reason: String) async -> Bool
  func closeConnection(_ id: String, abort: Bool) async -> Bool
  func ping(_ peer: PeerID, count: Int, timeout: Duration) async -> [PingResult]?

  func putPeer(
    _ peer: PeerID, addresses: [Multiaddr]?, name: String?, pinned: Bool?
  ) async throws(BookError) -> (peer: PeerInfo, isNew: Bool)
  func forgetPeer(_ peer: PeerID) async throws(BookError) -> Bool
  func connect(_ peer: PeerID, timeout: Duration?) async -> DialResult?
  func clearBackoff(_ peer: PeerID) async -> Bool

  func startDial(peer: PeerID?, addresses: [Multiaddr], timeout: Duration?) async -> DialInfo
  func dials() async -> [DialInfo]
  func dialInfo(_ id: String) async -> DialInfo?
  func cancelDial(_ id: String) async -> Bool?
  func closedConnections(_ query: ConnectionQuery) async -> Listing<ClosedConnectionInfo, UInt64>

  func blocklist() async -> [Blocklist.Record]
  func block(_ entry: BlockEntry, expiresAt: Int64?, reason: String?) async throws(BookError) -> Bool
  func unblock(_ entry: BlockEntry) async throws(BookError) -> Bool
  func unknownPeers() async -> [UnknownPeers.Entry]

  func protocols() async -> [ProtocolInfo]
}

extension Host: NodeControl {}
