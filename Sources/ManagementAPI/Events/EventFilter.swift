internal import P2PCore

/// Which events a client wants.
struct EventFilter: Sendable {
  /// Empty: all.
  var types: Set<String> = []
  /// Empty: all.
  var peers: Set<PeerID> = []

  /// AND between the two, OR within each.
  func matches(type: String, peerID: PeerID?) -> Bool {
    (self.types.isEmpty || self.types.contains(type))
      && (self.peers.isEmpty || peerID.map(self.peers.contains) ?? false)
  }
}
