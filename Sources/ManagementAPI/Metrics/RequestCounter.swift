internal import Synchronization

/// Counts the API's own requests. Labels are bounded: methods beyond the known are one, statuses are what we send.
final class RequestCounter: Sendable {
  struct Key: Hashable, Comparable {
    let method: String
    let status: Int

    static func < (a: Key, b: Key) -> Bool { (a.method, a.status) < (b.method, b.status) }
  }

  private static let methods: Set<String> = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"]

  private let counts = Mutex<[Key: UInt64]>([:])

  func add(method: String, status: Int) {
    let key = Key(method: Self.methods.contains(method) ? method : "other", status: status)
    self.counts.withLock { $0[key, default: 0] += 1 }
  }

  var snapshot: [(Key, UInt64)] { self.counts.withLock { Array($0) }.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 } }
}
