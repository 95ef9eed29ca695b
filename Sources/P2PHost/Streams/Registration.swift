internal import P2PCore

/// A handler in the router's table, and what its streams have done so far.
final class Registration: @unchecked Sendable {
  // Guard of every `var`: the router's lock.

  /// Peers whose streams are counted or whose rate is watched at one time. As many as a node knows by default; a
  /// stream of one more is refused like one above the rate.
  static let peersMax = 16_384

  /// Grows with every registration.
  let number: UInt64
  let handler: any ProtocolHandler
  /// The same, where it is one.
  let callbackHandler: (any CallbackHandler)?
  let serves: ServedProtocol
  let ids: [String]
  let limits: ProtocolLimits
  let delaysShutdown: Bool
  /// Where the handler runs; nil for Swift's own pool.
  let executor: (any TaskExecutor)?
  /// The most streams at one time, and the key or the word that raises it.
  let streamsMax: (limit: Int, key: String)?

  private(set) var open = 0
  private(set) var opened: UInt64 = 0
  private(set) var refused: [UInt64]
  private(set) var resets: [UInt64]
  private var rate: TokenBucket?
  private var peers: [PeerID: PeerUse] = [:]

  /// What one peer uses.
  final class PeerUse {
    fileprivate let peer: PeerID
    fileprivate var open = 0
    fileprivate var rate: TokenBucket?

    fileprivate init(_ peer: PeerID, rate: TokenBucket?) {
      self.peer = peer
      self.rate = rate
    }
  }

  init(
    _ handler: any ProtocolHandler, number: UInt64, node: StreamLimits, transportExecutor: (any TaskExecutor)?
  ) {
    let options = handler.options
    self.number = number
    self.handler = handler
    self.callbackHandler = handler as? any CallbackHandler
    self.serves = handler.serves
    self.ids = self.serves.ids
    self.limits = options.limits
    self.delaysShutdown = options.delaysShutdown
    switch options.executor {
    case .transport: self.executor = transportExecutor
    case .concurrent: self.executor = nil
    case .own(let executor): self.executor = executor
    }
    let own = options.limits.streams.map { (limit: $0, key: "streams of the protocol") }
    if node.perProtocol > 0, own.map({ node.perProtocol < $0.limit }) ?? true {
      self.streamsMax = (node.perProtocol, "limits.streams_per_protocol")
    } else {
      self.streamsMax = own
    }
    self.rate = options.limits.streamsPerSecond.map { TokenBucket(perSecond: $0) }
    self.refused = Array(repeating: 0, count: StreamRefusalReason.allCases.count)
    self.resets = Array(repeating: 0, count: StreamCode.names.count)
  }

  /// Whether a clock reading is of use to `admit`.
  var hasRate: Bool { self.limits.streamsPerSecond != nil || self.limits.streamsPerSecondPerPeer != nil }
  private var watchesPeers: Bool { self.limits.streamsPerPeer != nil || self.limits.streamsPerSecondPerPeer != nil }

  /// Counts one stream more in, or throws the limit that it would pass. `now` in nanoseconds. What the peer uses is for
  /// `ended`.
  func admit(_ peer: PeerID, now: Int64) throws(StreamRefusal) -> PeerUse? {
    do throws(StreamRefusal) {
      if let (limit, key) = self.streamsMax, self.open >= limit { throw StreamRefusal(.streams, key, limit) }
      let use = try self.watchesPeers ? self.admit(of: peer, now: now) : nil
      if use == nil { try self.checkRate(now) }
      self.open += 1
      self.opened += 1
      return use
    } catch {
      self.refused[error.reason.index] += 1
      throw error
    }
  }

  private func admit(of peer: PeerID, now: Int64) throws(StreamRefusal) -> PeerUse {
    let known = self.peers[peer]
    let use = known ?? PeerUse(peer, rate: self.limits.streamsPerSecondPerPeer.map { TokenBucket(perSecond: $0) })
    if let limit = self.limits.streamsPerPeer, use.open >= limit {
      throw StreamRefusal(.streamsPerPeer, "streams of the protocol per peer", limit)
    }
    // A stream that is refused for what all peers open costs its own nothing.
    var rate = use.rate
    if let limit = self.limits.streamsPerSecondPerPeer,
      known == nil && self.peers.count >= Self.peersMax || rate?.take(now: now) == false
    {
      throw StreamRefusal(.streamsPerSecondPerPeer, "streams of the protocol per second and peer", limit)
    }
    try self.checkRate(now)
    use.rate = rate
    use.open += 1
    if known == nil { self.peers[peer] = use }
    return use
  }

  private func checkRate(_ now: Int64) throws(StreamRefusal) {
    guard let limit = self.limits.streamsPerSecond, self.rate?.take(now: now) == false else { return }
    throw StreamRefusal(.streamsPerSecond, "streams of the protocol per second", limit)
  }

  /// A stream that was admitted is over.
  func ended(_ use: PeerUse?) {
    self.open -= 1
    guard let use else { return }
    use.open -= 1
    if use.open == 0, use.rate == nil { self.peers[use.peer] = nil }
  }

  func countReset(_ code: UInt64) { self.resets[StreamCode.index(of: code)] += 1 }

  /// Forgets peers of which there is nothing to remember. Once a second.
  func tidy(now: Int64) {
    guard self.limits.streamsPerSecondPerPeer != nil, !self.peers.isEmpty else { return }
    self.peers = self.peers.filter { $0.value.open > 0 || $0.value.rate?.isUntouched(now: now) == false }
  }

  var isIdle: Bool { self.open == 0 }

  /// Peers that are remembered.
  var peersWatched: Int { self.peers.count }
}

/// Why a stream of a protocol was refused.
package enum StreamRefusalReason: String, Sendable, CaseIterable {
  case streams
  case streamsPerPeer = "streams_per_peer"
  case streamsPerSecond = "streams_per_second"
  case streamsPerSecondPerPeer = "streams_per_second_per_peer"

  var index: Int {
    switch self {
    case .streams: 0
    case .streamsPerPeer: 1
    case .streamsPerSecond: 2
    case .streamsPerSecondPerPeer: 3
    }
  }

  /// The code that the stream is reset with.
  var code: UInt64 {
    switch self {
    case .streams, .streamsPerPeer: StreamCode.resourceLimitExceeded
    case .streamsPerSecond, .streamsPerSecondPerPeer: StreamCode.rateLimited
    }
  }
}

/// A limit that one stream more would pass.
struct StreamRefusal: Error, Hashable {
  let reason: StreamRefusalReason
  /// The key that raises it, or in words what it limits.
  let key: String
  let limit: Int

  init(_ reason: StreamRefusalReason, _ key: String, _ limit: Int) {
    self.reason = reason
    self.key = key
    self.limit = limit
  }
}
