import P2PCore
import P2PHost

/// Whole lists.
extension Host {
  func peers() async -> [PeerInfo] { await self.peers(PeerQuery()).items }
  func connections() async -> [ConnectionInfo] { await self.connections(ConnectionQuery()).items }
  func closedConnections() async -> [ClosedConnectionInfo] { await self.closedConnections(ConnectionQuery()).items }
}

extension Host {
  /// The state of a peer, `idle` for one that is not known.
  func state(of peer: PeerID) async -> LinkState { await self.peer(peer)?.state ?? .idle }
}
