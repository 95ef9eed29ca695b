/// How many inbound streams there may be at one time; 0 is no limit. A stream beyond one is reset with
/// `StreamCode.resourceLimitExceeded`. The transport has its own limit for each connection.
package struct StreamLimits: Sendable, Hashable {
  /// Of all connections together. `limits.streams`
  package var total = 65_536
  /// Of one peer, over all of its connections. `limits.streams_per_peer`
  package var perPeer = 512
  /// Of one protocol, over all peers. `limits.streams_per_protocol`
  package var perProtocol = 16_384

  package init() {}

  struct Refusal: Hashable {
    /// The key that raises it.
    let key: String
    let limit: Int
  }

  /// The limit that one stream more would pass.
  func refusal(streams: Int, ofPeer: Int) -> Refusal? {
    if self.perPeer > 0, ofPeer >= self.perPeer { return Refusal(key: "limits.streams_per_peer", limit: self.perPeer) }
    return self.total > 0 && streams >= self.total ? Refusal(key: "limits.streams", limit: self.total) : nil
  }

  func refusal(ofProtocol count: Int) -> Refusal? {
    self.perProtocol > 0 && count >= self.perProtocol
      ? Refusal(key: "limits.streams_per_protocol", limit: self.perProtocol) : nil
  }
}
