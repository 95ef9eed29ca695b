internal import Glibc
internal import Synchronization

/// A log for what a peer can cause at will: at most one line per key and minute. The next line of a key says how many
/// were left out. Safe from any thread.
package final class RateLimitedLog: Sendable {
  private let logger: Logger
  private let table = Mutex(RateLimitTable())

  package init(_ logger: Logger) { self.logger = logger }

  /// - Parameter key: what the limit counts by: kind of event and peer or address.
  package func log(
    _ level: LogLevel, key: @autoclosure () -> String, _ message: @autoclosure () -> String,
    _ fields: @autoclosure () -> Logger.Fields = []
  ) {
    guard self.logger.isEnabled(level) else { return }
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let key = key()
    let seconds = Int64(now.tv_sec)
    guard let suppressed = self.table.withLock({ $0.admit(key, at: seconds) }) else { return }
    var fields = fields()
    if suppressed > 0 { fields.append(("suppressed", String(suppressed))) }
    self.logger.log(level, message(), fields)
  }
}

/// Which keys have spoken lately. Time is a parameter.
struct RateLimitTable {
  static let intervalSeconds: Int64 = 60
  /// Keys that are remembered; while they are all young, further keys share one.
  static let keysMax = 1_024

  private struct Entry {
    /// Seconds of a monotonic clock.
    var since: Int64
    var suppressed = 0
  }

  private var entries: [String: Entry] = [:]
  private var others: Entry?

  var count: Int { self.entries.count }

  /// Nil when `key` must be silent now, otherwise how many times it had to be since it last spoke.
  mutating func admit(_ key: String, at now: Int64) -> Int? {
    if self.entries[key] == nil, self.entries.count >= Self.keysMax {
      self.entries = self.entries.filter { now - $0.value.since < Self.intervalSeconds }
      guard self.entries.count < Self.keysMax else { return Self.admit(&self.others, at: now) }
    }
    return Self.admit(&self.entries[key], at: now)
  }

  private static func admit(_ entry: inout Entry?, at now: Int64) -> Int? {
    if let since = entry?.since, now - since < Self.intervalSeconds {
      entry?.suppressed += 1
      return nil
    }
    let suppressed = entry?.suppressed ?? 0
    entry = Entry(since: now)
    return suppressed
  }
}
