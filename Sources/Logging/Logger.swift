internal import Synchronization

/// A log for one subsystem. Cheap to copy; a call below the level costs one comparison.
package struct Logger: Sendable {
  package typealias Fields = [(String, String)]

  package let subsystem: String
  private let threshold: LogThreshold

  package init(subsystem: String) {
    self.subsystem = subsystem
    self.threshold = LogBackend.threshold(of: subsystem)
  }

  /// Whether a line of `level` would be written.
  package func isEnabled(_ level: LogLevel) -> Bool {
    level.rawValue >= self.threshold.level.load(ordering: .relaxed)
  }

  /// Writes a line. `message` is a fixed sentence; what varies belongs into `fields`.
  package func log(
    _ level: LogLevel, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = []
  ) {
    guard self.isEnabled(level) else { return }
    LogBackend.write(level, self.subsystem, message(), fields())
  }

  package func trace(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = []) {
    self.log(.trace, message(), fields())
  }

  package func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = []) {
    self.log(.debug, message(), fields())
  }

  package func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = []) {
    self.log(.info, message(), fields())
  }

  package func notice(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = []) {
    self.log(.notice, message(), fields())
  }

  package func warning(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = []) {
    self.log(.warning, message(), fields())
  }

  package func error(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = []) {
    self.log(.error, message(), fields())
  }

  package func critical(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> Fields = []) {
    self.log(.critical, message(), fields())
  }
}
