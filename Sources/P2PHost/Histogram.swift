/// Counts of durations by size, as Prometheus has them.
package struct Histogram: Sendable {
  /// Upper bounds in seconds, ascending.
  package let bounds: [Double]
  /// One more than there are bounds; not cumulative.
  package private(set) var counts: [UInt64]
  /// Seconds.
  package private(set) var sum: Double = 0
  package var count: UInt64 { self.counts.reduce(0, +) }

  package init(bounds: [Double]) {
    self.bounds = bounds
    self.counts = Array(repeating: 0, count: bounds.count + 1)
  }

  package mutating func add(_ duration: Duration) {
    let seconds = duration.seconds
    self.counts[self.bounds.firstIndex { seconds <= $0 } ?? self.bounds.count] += 1
    self.sum += seconds
  }

  /// `count` bounds, each `factor` times the one before.
  static func exponential(from first: Double, factor: Double, count: Int) -> [Double] {
    var bound = first
    return (0..<count).map { _ in
      defer { bound *= factor }
      return bound
    }
  }
}

extension Duration {
  var seconds: Double {
    let (seconds, attoseconds) = self.components
    return Double(seconds) + Double(attoseconds) / 1e18
  }
}
