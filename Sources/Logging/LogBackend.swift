internal import Glibc
internal import Synchronization

/// Where all lines of this process go, and from which severity on.
package enum LogBackend {
  /// More subsystems than the node has; further ones share the general level.
  static let subsystemsMax = 64

  private struct Levels {
    var level = LogLevel.info
    var overrides: [String: LogLevel] = [:]
    var thresholds: [String: LogThreshold] = [:]
  }

  private static let levels = Mutex(Levels())
  private static let format = Atomic<Int>(LogFormat.text.rawValue)
  private static let output = Atomic<Int32>(2)

  /// Sets everything; what was logged before went as text to standard error from `info` on.
  ///
  /// - Parameter overrides: levels of subsystems that differ from `level`.
  package static func bootstrap(
    level: LogLevel, overrides: [String: LogLevel] = [:], format: LogFormat, output: Int32 = 2
  ) {
    self.format.store(format.rawValue, ordering: .relaxed)
    self.output.store(output, ordering: .relaxed)
    self.setLevels(level, overrides: overrides)
  }

  /// Changes the levels of all loggers, those that exist included.
  package static func setLevels(_ level: LogLevel, overrides: [String: LogLevel] = [:]) {
    self.levels.withLock { state in
      state.level = level
      state.overrides = overrides
      for (subsystem, threshold) in state.thresholds {
        threshold.level.store((overrides[subsystem] ?? level).rawValue, ordering: .relaxed)
      }
    }
  }

  package static func setFormat(_ format: LogFormat) { self.format.store(format.rawValue, ordering: .relaxed) }

  package static var currentLevels: (level: LogLevel, overrides: [String: LogLevel]) {
    self.levels.withLock { ($0.level, $0.overrides) }
  }

  static func threshold(of subsystem: String) -> LogThreshold {
    self.levels.withLock { state in
      let name = state.thresholds.count < self.subsystemsMax ? subsystem : ""
      if let threshold = state.thresholds[subsystem] ?? state.thresholds[name] { return threshold }
      let threshold = LogThreshold(state.overrides[name] ?? state.level)
      state.thresholds[name] = threshold
      return threshold
    }
  }

  /// One `write`, so that lines of several threads do not mix. A line that the output does not take is lost; the
  /// node goes on.
  static func write(_ level: LogLevel, _ subsystem: String, _ message: String, _ fields: [(String, String)]) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let line = LogLine(
      time: Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000, level: level, subsystem: subsystem,
      message: message, fields: fields)
    let format = LogFormat(rawValue: self.format.load(ordering: .relaxed)) ?? .text
    let output = self.output.load(ordering: .relaxed)
    line.bytes(format).withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Glibc.write(output, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
      }
    }
  }
}

/// The lowest severity that a subsystem logs, readable without a lock.
final class LogThreshold: Sendable {
  let level: Atomic<Int>

  init(_ level: LogLevel) { self.level = Atomic(level.rawValue) }
}
