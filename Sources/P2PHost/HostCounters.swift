package import P2PCore
internal import Synchronization

/// Counts since the start, for metrics. Any thread.
package final class HostCounters: Sendable {
  /// Upper bounds in seconds, as go-libp2p has them for `libp2p_swarm_handshake_latency_seconds`: 35 buckets from
  /// 1 ms on, each 1.3 times the one before.
  package static let handshakeLatencyBounds = Histogram.exponential(from: 0.001, factor: 1.3, count: 35)
  /// Upper bounds in seconds, as go-libp2p has them for `libp2p_swarm_connection_duration_seconds`: 25 buckets
  /// from 1/16 s on, each twice the one before.
  package static let connectionDurationBounds = Histogram.exponential(from: 0.0625, factor: 2, count: 25)
  /// Upper bounds in seconds, as go-libp2p has them for `libp2p_swarm_dial_latency_seconds` and for the ranking delay.
  package static let dialBounds = [0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2]

  package enum IPVersion: String, Sendable, CaseIterable {
    case ip4, ip6, unknown

    /// Of 4 or 16 bytes.
    init(of ip: [UInt8]) { self = ip.count == 4 ? .ip4 : ip.count == 16 ? .ip6 : .unknown }
  }

  /// What connections are counted by.
  package struct ConnectionKind: Sendable, Hashable {
    package var direction: Direction
    package var ipVersion: IPVersion

    package static let all = Direction.allCases.flatMap { direction in
      [IPVersion.ip4, .ip6].map { Self(direction: direction, ipVersion: $0) }
    }
  }

  package struct RemoteKey: Sendable, Hashable {
    package var direction: Direction
    package var type: KeyType

    package static let all = Direction.allCases.flatMap { direction in
      KeyType.allCases.map { Self(direction: direction, type: $0) }
    }
  }

  package struct DialFailure: Sendable, Hashable {
    package var `class`: DialErrorClass
    package var ipVersion: IPVersion

    package static let all = DialErrorClass.allCases.flatMap { error in
      IPVersion.allCases.map { Self(class: error, ipVersion: $0) }
    }
  }

  package struct DialOutcome: Sendable, Hashable {
    package var isConnected: Bool
    /// Addresses that were tried, at most `addressesMax`, which stands for more as well.
    package var addresses: Int
    package static let addressesMax = 6
  }

  package struct Snapshot: Sendable {
    package fileprivate(set) var connectionsOpened: [ConnectionKind: UInt64] = [:]
    package fileprivate(set) var connectionsClosed: [ConnectionKind: UInt64] = [:]
    /// Of the remotes of opened connections.
    package fileprivate(set) var keyTypes: [RemoteKey: UInt64] = [:]
    /// Inbound connections that the transport or the host did not accept.
    package fileprivate(set) var connectionsRefused: UInt64 = 0
    /// Addresses that could not be dialled, and dials that were refused as a whole.
    package fileprivate(set) var dialErrors: [DialFailure: UInt64] = [:]
    /// Dials as a whole, by how they ended.
    package fileprivate(set) var dialsEnded: [DialInfo.State: UInt64] = [:]
    package fileprivate(set) var dialLatency: [DialOutcome: Histogram] = [:]
    /// From the start of a dial to that of the attempt that connected.
    package fileprivate(set) var dialRankingDelay = Histogram(bounds: HostCounters.dialBounds)
    package fileprivate(set) var handshakeLatency: [IPVersion: Histogram] = [:]
    package fileprivate(set) var connectionDuration: [ConnectionKind: Histogram] = [:]
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

  func connectionOpened(_ connection: any Connection, ip: [UInt8]) {
    let kind = ConnectionKind(direction: connection.direction, ipVersion: IPVersion(of: ip))
    let key = RemoteKey(direction: connection.direction, type: connection.security.keyType)
    let handshake = connection.handshakeDuration
    self.figures.withLock {
      $0.connectionsOpened[kind, default: 0] += 1
      $0.keyTypes[key, default: 0] += 1
      $0.handshakeLatency[kind.ipVersion, default: Histogram(bounds: Self.handshakeLatencyBounds)].add(handshake)
    }
  }

  func connectionClosed(_ direction: Direction, ip: [UInt8], lifetime: Duration) {
    let kind = ConnectionKind(direction: direction, ipVersion: IPVersion(of: ip))
    self.figures.withLock {
      $0.connectionsClosed[kind, default: 0] += 1
      $0.connectionDuration[kind, default: Histogram(bounds: Self.connectionDurationBounds)].add(lifetime)
    }
  }

  func dialFailed(_ class: DialErrorClass, at address: Multiaddr? = nil) {
    let failure = DialFailure(class: `class`, ipVersion: IPVersion(of: address?.ip ?? []))
    self.figures.withLock { $0.dialErrors[failure, default: 0] += 1 }
  }

  /// - Parameter addresses: how many were tried.
  func dialEnded(_ state: DialInfo.State, addresses: Int, after duration: Duration) {
    let outcome = DialOutcome(isConnected: state == .connected, addresses: min(addresses, DialOutcome.addressesMax))
    self.figures.withLock {
      $0.dialsEnded[state, default: 0] += 1
      $0.dialLatency[outcome, default: Histogram(bounds: Self.dialBounds)].add(duration)
    }
  }

  /// The attempt that connected began so long after its dial.
  func attemptConnected(after delay: Duration) { self.figures.withLock { $0.dialRankingDelay.add(delay) } }
  func connectionRefused() { self.figures.withLock { $0.connectionsRefused += 1 } }
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
