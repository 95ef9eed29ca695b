/// How many inbound streams there may be at one time; 0 is no limit. A stream beyond one is reset with
/// `StreamCode.resourceLimitExceeded`. The transport has its own limit for each connection, and a protocol its own for
/// its streams (`ProtocolLimits`).
package struct StreamLimits: Sendable, Hashable {
  /// Of all connections together. `limits.streams`
  package var total = 65_536
  /// Of one peer, over all of its connections. `limits.streams_per_peer`
  package var perPeer = 512
  /// Of one protocol, over all peers. `limits.streams_per_protocol`
  package var perProtocol = 16_384

  package init() {}

  /// The limit that one stream more would pass.
  func refusal(streams: Int, ofPeer: Int) -> StreamRefusal? {
    if self.perPeer > 0, ofPeer >= self.perPeer {
      return StreamRefusal(.streamsPerPeer, "limits.streams_per_peer", self.perPeer)
    }
    return self.total > 0 && streams >= self.total ? StreamRefusal(.streams, "limits.streams", self.total) : nil
  }
}
