/// How long to wait between dials to a peer that cannot be reached.
package struct BackoffPolicy: Sendable, Hashable {
  /// Longest wait after the first failure; doubles with each. `peers.backoff.initial`.
  package var initial: Duration = .seconds(1)
  /// Longest wait at all. `peers.backoff.max`.
  package var maximum: Duration = .seconds(300)
  /// A connection that lasted this long was a good one, and the count of failures begins anew.
  package var resetAfter: Duration = .seconds(60)

  package init() {}

  package init(initial: Duration, maximum: Duration, resetAfter: Duration = .seconds(60)) {
    self.initial = initial
    self.maximum = maximum
    self.resetAfter = resetAfter
  }

  /// The longest wait after `failures` earlier ones: `initial` doubled as often, `maximum` at most.
  func ceiling(failures: Int) -> Duration {
    var ceiling = self.initial
    var doublings = failures
    while doublings > 0, ceiling > .zero, ceiling < self.maximum {
      ceiling += ceiling
      doublings -= 1
    }
    return min(ceiling, self.maximum)
  }
}
