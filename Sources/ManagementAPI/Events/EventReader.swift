internal import MicroHTTP
internal import P2PCore
internal import P2PHost

/// One client that follows the events.
struct EventReader: Sendable {
  struct Filter: Sendable {
    /// Empty: all.
    var types: Set<String> = []
    /// Empty: all.
    var peers: Set<PeerID> = []

    /// AND between the two, OR within each.
    func matches(_ event: NodeEvent) -> Bool {
      (self.types.isEmpty || self.types.contains(event.type))
        && (self.peers.isEmpty || event.peerID.map(self.peers.contains) ?? false)
    }
  }

  let id: UInt64
  let filter: Filter
  let stream: HTTPStream
}
