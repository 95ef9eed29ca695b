/// Makes one notice of many changes: changes of a network come in bursts (a link, its addresses, their routes).
package struct ChangeDebounce: Sendable {
  /// From the first change to its notice. Later ones do not put it off, so that a flood cannot silence it.
  package static let delayNanoseconds: UInt64 = 500_000_000
  /// Between two notices at least: at most one a second, however much changes.
  package static let gapNanoseconds: UInt64 = 1_000_000_000

  /// When the next notice is due; `.max` for none.
  package private(set) var deadline = MonotonicNanoseconds.max
  private var last: MonotonicNanoseconds?

  package init() {}

  /// Something may have changed.
  package mutating func note(now: MonotonicNanoseconds) {
    guard self.deadline == .max else { return }
    let soonest = now + ChangeDebounce.delayNanoseconds
    self.deadline = max(soonest, self.last.map { $0 + ChangeDebounce.gapNanoseconds } ?? soonest)
  }

  /// True when a notice is due, which the caller then gives.
  package mutating func take(now: MonotonicNanoseconds) -> Bool {
    guard now >= self.deadline else { return false }
    self.deadline = .max
    self.last = now
    return true
  }
}
