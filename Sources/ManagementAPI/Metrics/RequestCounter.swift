internal import P2PHost
internal import Synchronization

/// Counts the API's own requests. Labels are bounded: methods beyond the known are one, paths are those of the routes,
/// statuses are in classes.
final class RequestCounter: Sendable {
  struct Operation: Hashable, Comparable {
    let method: String
    /// `/v1/peers/{peer_id}`, or `none`.
    let route: String

    static func < (a: Self, b: Self) -> Bool { (a.route, a.method) < (b.route, b.method) }
  }

  /// Of the classes of status that this API has: 2xx, 4xx and 5xx.
  struct Answers {
    private(set) var counts: [UInt64] = [0, 0, 0]
    static let classes = ["2xx", "4xx", "5xx"]

    mutating func add(_ status: Int) { self.counts[status < 400 ? 0 : status < 500 ? 1 : 2] += 1 }
  }

  private static let methods: Set<String> = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"]
  /// Seconds: from a look at the node to a dial that waits for its time.
  private static let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10, 30]

  private let state = Mutex(State())

  private struct State {
    var answers: [Operation: Answers] = [:]
    var duration = Histogram(bounds: RequestCounter.bounds)
  }

  /// - Parameter route: nil for a request that is none of ours.
  func add(method: String, route: String?, status: Int, duration: Duration) {
    let operation = Operation(method: Self.methods.contains(method) ? method : "other", route: route ?? "none")
    self.state.withLock { state in
      state.answers[operation, default: Answers()].add(status)
      state.duration.add(duration)
    }
  }

  var answers: [(operation: Operation, counts: [UInt64])] {
    self.state.withLock { $0.answers }.map { ($0.key, $0.value.counts) }.sorted { $0.0 < $1.0 }
  }

  var duration: Histogram { self.state.withLock { $0.duration } }
}
