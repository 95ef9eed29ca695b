internal import P2PCore

/// A stream that a remote opened, in the router's books from its arrival to its end.
final class InboundStream: @unchecked Sendable {
  // Guard of every `var`: the router's lock.

  let stream: ProtocolStream
  let connection: any Connection
  /// What its peer has open.
  let peerStreams: PeerStreams
  /// Its place in the router's list.
  var index = 0
  /// Set once a protocol is agreed on.
  private(set) var registration: Registration?
  /// What its peer uses of the registration, where that is counted.
  private(set) var registrationUse: Registration.PeerUse?
  /// Of its handler, where that has a life time.
  var task: Task<Void, Never>?
  private(set) var isOverdue = false
  private var phase: Phase

  /// Times are ticks of the router, each the last that it may see.
  private enum Phase {
    case negotiating(until: UInt64)
    case serving(firstByteUntil: UInt64, until: UInt64)
    /// The handler has returned, and the remote is to end its side.
    case concluding(until: UInt64)
  }

  init(
    _ stream: ProtocolStream, on connection: any Connection, _ peerStreams: PeerStreams, negotiatingUntil tick: UInt64
  ) {
    self.stream = stream
    self.connection = connection
    self.peerStreams = peerStreams
    self.phase = .negotiating(until: tick)
  }

  var peer: PeerID { self.peerStreams.peer }

  func agreed(on registration: Registration, _ use: Registration.PeerUse?, at tick: UInt64) {
    self.registration = registration
    self.registrationUse = use
    func end(of limit: Duration?) -> UInt64 { limit.map { tick &+ $0.ticks } ?? .max }
    self.phase = .serving(
      firstByteUntil: end(of: registration.limits.firstByteTime), until: end(of: registration.limits.lifetime))
  }

  func concludes(until tick: UInt64) { self.phase = .concluding(until: tick) }

  /// The code to reset it with when it has taken too long at `tick`; told once.
  func overdueCode(at tick: UInt64) -> UInt64? {
    if self.isOverdue { return nil }
    let code: UInt64
    switch self.phase {
    case .negotiating(let until):
      guard tick > until else { return nil }
      code = StreamCode.protocolNegotiationFailed
    case .serving(let firstByteUntil, let until):
      guard tick > until || (tick > firstByteUntil && !self.stream.firstByteWasRead) else { return nil }
      code = StreamCode.garbageCollected
    case .concluding(let until):
      guard tick > until else { return nil }
      code = StreamCode.none
    }
    self.isOverdue = true
    return code
  }
}

/// How many streams a peer has open. Streams hold it, so that the peer is looked up once for each.
final class PeerStreams: @unchecked Sendable {
  // Guard of every `var`: the router's lock.

  let peer: PeerID
  var count = 0

  init(_ peer: PeerID) { self.peer = peer }
}

extension Duration {
  /// Whole seconds, rounded up.
  fileprivate var ticks: UInt64 {
    let (seconds, attoseconds) = self.components
    return UInt64(max(0, seconds)) + (attoseconds > 0 ? 1 : 0)
  }

  /// For clocks, which count from near zero.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = self.components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
