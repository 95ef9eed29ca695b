/// How often one peer could not be reached in a row, and how long to wait for the next try: exponential with full
/// jitter, so that nodes that lost the same peer, or peers that were lost at once, do not come back together.
package struct Backoff: Sendable, Hashable {
  /// Shortest wait, whatever the policy and chance say: no peer is dialled in a tight loop.
  package static let waitMinimum: Duration = .milliseconds(100)

  /// Consecutive ones.
  package private(set) var failures = 0

  package init() {}

  /// A dial failed. Answers how long to wait now: evenly drawn up to a ceiling that doubles with each failure, or,
  /// when the failure is `permanent` (nothing but a change at the other end will mend it), from the upper half of
  /// what the policy allows.
  package mutating func failed(
    permanent: Bool, _ policy: BackoffPolicy, using generator: inout some RandomNumberGenerator
  ) -> Duration {
    let earlier = self.failures
    self.failures = min(earlier + 1, Self.failuresMaximum)
    return permanent
      ? Self.draw(policy.maximum / 2, policy.maximum, using: &generator)
      : Self.draw(.zero, policy.ceiling(failures: earlier), using: &generator)
  }

  /// A connection ended that we want back. One that lasted makes the next wait as short as the first; another one
  /// counts as a failure: a peer that accepts and drops us at once is not dialled once a second for ever.
  package mutating func lost(
    connectedFor duration: Duration, _ policy: BackoffPolicy, using generator: inout some RandomNumberGenerator
  ) -> Duration {
    guard duration >= policy.resetAfter else { return self.failed(permanent: false, policy, using: &generator) }
    self.reset()
    return Self.draw(.zero, policy.ceiling(failures: 0), using: &generator)
  }

  /// Something changed that makes an old failure meaningless: the operator or the network said so.
  package mutating func reset() { self.failures = 0 }

  /// Where the count stops; the wait has not grown for long.
  private static let failuresMaximum = 1_000_000

  /// Evenly from `low` to `high`, `waitMinimum` at least.
  private static func draw(
    _ low: Duration, _ high: Duration, using generator: inout some RandomNumberGenerator
  ) -> Duration {
    let low = max(low, Self.waitMinimum)
    let high = max(low, high)
    return min(high, low + (high - low) * Double.random(in: 0..<1, using: &generator))
  }
}
