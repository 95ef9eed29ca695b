/// Whether enough peers are connected for a node to be ready: at once when there are enough, and no longer only when
/// there have been too few for a while, so that one lost connection does not take a node out of service.
package struct QuorumGate: Sendable, Hashable {
  /// How long too few peers are put up with: time for a redial or two.
  package static let patience: Duration = .seconds(5)

  /// Peers that must be connected. `health.min_connected_peers`. A change takes effect with the next update.
  package var required: Int
  package private(set) var isReady = false
  /// Since when there are too few, while still ready.
  private var lackingSince: Duration?

  package init(required: Int) { self.required = required }

  /// What `auto` means: three quarters of the pinned peers, rounded up; 0 when none is pinned.
  package static func required(ofPinned count: Int) -> Int { count - count / 4 }

  /// When `update` should be asked again although nothing has changed; nil for never.
  package var reviewAt: Duration? { self.lackingSince.map { $0 + Self.patience } }

  /// `now`: by a monotonic clock. Answers whether the node is ready.
  package mutating func update(connected: Int, now: Duration) -> Bool {
    if connected >= self.required {
      self.isReady = true
      self.lackingSince = nil
    } else if self.isReady {
      let since = self.lackingSince ?? now
      self.isReady = now - since < Self.patience
      self.lackingSince = self.isReady ? since : nil
    }
    return self.isReady
  }
}
