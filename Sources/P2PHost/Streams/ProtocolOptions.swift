/// How the streams of one protocol are served.
package struct ProtocolOptions: Sendable {
  package var limits = ProtocolLimits()
  package var executor = HandlerExecutor.transport
  /// Whether a shutdown waits for its streams. False for protocols whose streams lie idle by nature.
  package var delaysShutdown = true

  package init(
    limits: ProtocolLimits = ProtocolLimits(), executor: HandlerExecutor = .transport, delaysShutdown: Bool = true
  ) {
    self.limits = limits
    self.executor = executor
    self.delaysShutdown = delaysShutdown
  }
}

/// Where a handler runs.
package enum HandlerExecutor: Sendable {
  /// The transport's event loop: a read or a write needs no thread hop. The handler must neither block nor compute for
  /// long, because every connection waits for it.
  case transport
  /// Swift's pool of threads, as many as there are processors: for handlers that compute.
  case concurrent
  /// For handlers that block, say: an executor with threads of its own.
  case own(any TaskExecutor)
}

/// What remotes may take of one protocol; nil is no limit but the node's own (`StreamLimits`).
package struct ProtocolLimits: Sendable, Hashable {
  /// Streams at one time, over all peers. Beyond it a stream is reset with `StreamCode.resourceLimitExceeded`.
  package var streams: Int?
  /// Likewise, of one peer.
  package var streamsPerPeer: Int?
  /// New streams a second over all peers, as many of them at once. Beyond it `StreamCode.rateLimited`.
  package var streamsPerSecond: Int?
  /// Likewise, of one peer.
  package var streamsPerSecondPerPeer: Int?
  /// From the agreement until the handler has read the first byte, or the end; then the stream is reset with
  /// `StreamCode.garbageCollected`. Kept to the second, never early.
  package var firstByteTime: Duration?
  /// From the agreement until the handler returns; then its task is cancelled and the stream reset, likewise.
  package var lifetime: Duration?

  package init(
    streams: Int? = nil, streamsPerPeer: Int? = nil, streamsPerSecond: Int? = nil, streamsPerSecondPerPeer: Int? = nil,
    firstByteTime: Duration? = nil, lifetime: Duration? = nil
  ) {
    self.streams = streams
    self.streamsPerPeer = streamsPerPeer
    self.streamsPerSecond = streamsPerSecond
    self.streamsPerSecondPerPeer = streamsPerSecondPerPeer
    self.firstByteTime = firstByteTime
    self.lifetime = lifetime
  }
}
