internal import P2PCore

/// What a registered protocol takes and what its streams have done.
package struct ProtocolInfo: Sendable {
  /// Grows with every registration.
  package var number: UInt64
  /// Best first; the first is its name in metrics.
  package var ids: [String]
  /// Best first, `1.3.0`; nil for a protocol that is served by its exact ids only.
  package var versions: [String]?
  /// It serves no new stream any more; here until its last one ends.
  package var isWithdrawn: Bool
  package var delaysShutdown: Bool
  package var limits: ProtocolLimits
  package var open: Int
  /// Streams handed to the handler.
  package var opened: UInt64
  /// In the order of `StreamRefusalReason.allCases`.
  package var refused: [UInt64]
  /// Streams that either side reset, in the order of `StreamCode.names`.
  package var resets: [UInt64]

  init(_ registration: Registration, isWithdrawn: Bool) {
    self.number = registration.number
    self.ids = registration.ids
    if case .versions(let versioned) = registration.serves { self.versions = versioned.versions.map(\.description) }
    self.isWithdrawn = isWithdrawn
    self.delaysShutdown = registration.delaysShutdown
    self.limits = registration.limits
    self.limits.streams = registration.streamsMax?.limit
    self.open = registration.open
    self.opened = registration.opened
    self.refused = registration.refused
    self.resets = registration.resets
  }

  package init(
    number: UInt64, ids: [String], versions: [String]?, isWithdrawn: Bool = false, delaysShutdown: Bool = true,
    limits: ProtocolLimits = ProtocolLimits(), open: Int = 0, opened: UInt64 = 0
  ) {
    self.number = number
    self.ids = ids
    self.versions = versions
    self.isWithdrawn = isWithdrawn
    self.delaysShutdown = delaysShutdown
    self.limits = limits
    self.open = open
    self.opened = opened
    self.refused = Array(repeating: 0, count: StreamRefusalReason.allCases.count)
    self.resets = Array(repeating: 0, count: StreamCode.names.count)
  }
}

extension ProtocolInfo {
  /// Adds the counts of another registration of the same protocol.
  package mutating func add(_ other: ProtocolInfo) {
    self.open += other.open
    self.opened += other.opened
    self.refused = zip(self.refused, other.refused).map { $0 + $1 }
    self.resets = zip(self.resets, other.resets).map { $0 + $1 }
  }
}

extension Host {
  /// The protocols that are served, in the order of their registration.
  package nonisolated func protocols() async -> [ProtocolInfo] { self.router.protocols }
}
