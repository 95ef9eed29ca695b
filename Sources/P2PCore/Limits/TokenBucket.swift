/// So many events a second, and as many at once after a second without one. One number of state.
package struct TokenBucket: Sendable, Hashable {
  private static let second: Int64 = 1_000_000_000

  /// Nanoseconds that one event takes of the second.
  private let cost: Int64
  /// When nothing will be taken any more, in the caller's nanoseconds.
  private var emptyAt: Int64 = .min

  /// - Parameter perSecond: at least 1; more than 10⁹ are 10⁹.
  package init(perSecond: Int) {
    precondition(perSecond > 0, "a rate of no events is no rate")
    self.cost = max(1, Self.second / Int64(perSecond))
  }

  /// False when that is one too many at `now`, nanoseconds of a clock that does not run backwards.
  package mutating func take(now: Int64) -> Bool {
    let from = max(self.emptyAt, now)
    guard from + self.cost - now <= Self.second else { return false }
    self.emptyAt = from + self.cost
    return true
  }

  /// It is as if nothing had ever been taken.
  package func isUntouched(now: Int64) -> Bool { self.emptyAt <= now }
}
