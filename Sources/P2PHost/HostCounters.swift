package import P2PCore
internal import Synchronization

/// Counts since the start, for metrics. Any thread.
package final class HostCounters: Sendable {
  /// Upper bounds in seconds, as go-libp2p has them for `libp2p_swarm_handshake_latency_seconds`: 35 buckets from
  /// 1 ms on, each 1.3 times the one before.
  package static let handshakeLatencyBounds: [Double] = exponential(from: 0.001, factor: 1.3, count: 35)
  /// Upper bounds in seconds, as go-libp2p has them for `libp2p_swarm_connection_duration_seconds`: 25 buckets
  /// from 1/16 s on, each twice the one before.
  package static let connectionDurationBounds: [Double] = exponential(from: 0.0625, factor: 2, count: 25)

  private static func exponential(from first: Double, factor: Double, count: Int) -> [Double] {
    var bound = first
    return (0..<count).map { _ in
      defer { bound *= factor }
      return bound
    }
  }

  package struct Histogram: Sendable {
    package let bounds: [Double]
    /// One more than there are bounds; not cumulative.
    package private(set) var counts: [UInt64]
    package private(set) var sum: Double = 0
    package var count: UInt64 { self.counts.reduce(0, +) }

    init(bounds: [Double]) {
      self.bounds = bounds
      self.counts = Array(repeating: 0, count: bounds.count + 1)
    }

    mutating func add(_ seconds: Double) {
      self.counts[self.bounds.firstIndex { seconds <= $0 } ?? self.bounds.count] += 1
      self.sum += seconds
    }
  }

  package struct Snapshot: Sendable {
    package fileprivate(set) var connectionsOpened: [Direction: UInt64] = [.inbound: 0, .outbound: 0]
    package fileprivate(set) var connectionsClosed: [Direction: UInt64] = [.inbound: 0, .outbound: 0]
    /// Inbound connections that the transport or the host did not accept.
    package fileprivate(set) var connectionsRefused: UInt64 = 0
    package fileprivate(set) var dialErrors: [DialErrorClass: UInt64] = [:]
    /// Dials as a whole, by how they ended.
    package fileprivate(set) var dialsEnded: [DialInfo.State: UInt64] = [:]
    package fileprivate(set) var handshakeLatency = Histogram(bounds: HostCounters.handshakeLatencyBounds)
    package fileprivate(set) var connectionDuration = Histogram(bounds: HostCounters.connectionDurationBounds)
    /// Inbound streams handed to negotiation.
    package fileprivate(set) var streamsOpened: UInt64 = 0
    /// Inbound streams reset at once: draining, or too many.
    package fileprivate(set) var streamsRefused: UInt64 = 0
    /// Inbound streams that named no protocol we serve, or none in time.
    package fileprivate(set) var negotiationsFailed: UInt64 = 0
    /// Inbound streams whose handler threw.
    package fileprivate(set) var handlersFailed: UInt64 = 0
    package fileprivate(set) var eventsDropped: UInt64 = 0
    /// Connections given up because pings had no answer.
    package fileprivate(set) var connectionsUnhealthy: UInt64 = 0
    /// Attempts to agree with a peer, by who began them and how they ended.
    package fileprivate(set) var agreements: [AgreementOutcome: UInt64] = [:]
  }

  package struct AgreementOutcome: Sendable, Hashable {
    /// Of the stream.
    package var direction: Direction
    /// `agreed`, or a word of a bounded set for why not.
    package var result: String
    static let agreed = "agreed"

    package init(_ direction: Direction, _ result: String) {
      self.direction = direction
      self.result = result
    }
  }

  private let figures = Mutex(Snapshot())
  // Counted for every stream, so outside of the lock.
  private let streamsOpened = Atomic<UInt64>(0)
  private let streamsRefused = Atomic<UInt64>(0)
  private let agreedInbound = Atomic<UInt64>(0)
  private let agreedOutbound = Atomic<UInt64>(0)

  package init() {}

  package func snapshot() -> Snapshot {
    var figures = self.figures.withLock { $0 }
    figures.streamsOpened = self.streamsOpened.load(ordering: .relaxed)
    figures.streamsRefused = self.streamsRefused.load(ordering: .relaxed)
    for (direction, count) in [
      (Direction.inbound, self.agreedInbound.load(ordering: .relaxed)),
      (.outbound, self.agreedOutbound.load(ordering: .relaxed)),
    ] where count > 0 {
      figures.agreements[AgreementOutcome(direction, AgreementOutcome.agreed)] = count
    }
    return figures
  }

  func connectionOpened(_ direction: Direction, handshake: Duration) {
    self.figures.withLock {
      $0.connectionsOpened[direction, default: 0] += 1
      $0.handshakeLatency.add(handshake.seconds)
    }
  }

  func connectionClosed(_ direction: Direction, lifetime: Duration) {
    self.figures.withLock {
      $0.connectionsClosed[direction, default: 0] += 1
      $0.connectionDuration.add(lifetime.seconds)
    }
  }

  func connectionRefused() { self.figures.withLock { $0.connectionsRefused += 1 } }
  func dialFailed(_ class: DialErrorClass) { self.figures.withLock { $0.dialErrors[`class`, default: 0] += 1 } }
  func dialEnded(_ state: DialInfo.State) { self.figures.withLock { $0.dialsEnded[state, default: 0] += 1 } }
  func negotiationFailed() { self.figures.withLock { $0.negotiationsFailed += 1 } }
  func handlerFailed() { self.figures.withLock { $0.handlersFailed += 1 } }
  func connectionUnhealthy() { self.figures.withLock { $0.connectionsUnhealthy += 1 } }
  package func agreed(_ direction: Direction) {
    switch direction {
    case .inbound: self.agreedInbound.wrappingAdd(1, ordering: .relaxed)
    case .outbound: self.agreedOutbound.wrappingAdd(1, ordering: .relaxed)
    }
  }
  package func agreementFailed(_ outcome: AgreementOutcome) {
    self.figures.withLock { $0.agreements[outcome, default: 0] += 1 }
  }
  func eventDropped() { self.figures.withLock { $0.eventsDropped += 1 } }
  func streamOpened() { self.streamsOpened.wrappingAdd(1, ordering: .relaxed) }
  func streamRefused() { self.streamsRefused.wrappingAdd(1, ordering: .relaxed) }
}

extension Duration {
  var seconds: Double {
    let (seconds, attoseconds) = self.components
    return Double(seconds) + Double(attoseconds) / 1e18
  }
}
