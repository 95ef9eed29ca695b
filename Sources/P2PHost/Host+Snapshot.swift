package import P2PCore

/// The peers and connections of one moment.
package struct HostSnapshot: Sendable {
  /// Of the newest event that tells of what is in here; with the next event, something changed.
  package var number: UInt64
  package var peers: [PeerInfo]
  package var connections: [ConnectionInfo]

  package init(number: UInt64, peers: [PeerInfo], connections: [ConnectionInfo]) {
    self.number = number
    self.peers = peers
    self.connections = connections
  }
}

extension Host {
  /// All peers and connections, or those of `peers` where it is not empty.
  package func snapshot(of peers: Set<PeerID>) async -> HostSnapshot {
    // All that events tell of is read in one turn of this actor; only the transport's figures come later.
    let number = self.events.lastNumber
    let peerRecords = self.peerTable.page(after: nil, limit: .max, isFiltered: !peers.isEmpty) {
      peers.contains($0.id)
    }.items
    let connectionRecords = self.connectionTable.values
      .filter { peers.isEmpty || peers.contains($0.connection.remotePeer) }
      .sorted { $0.number < $1.number }
    return HostSnapshot(
      number: number, peers: await self.describe(peerRecords), connections: await self.describe(connectionRecords))
  }
}
