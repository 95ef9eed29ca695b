/// Severity, least first.
package enum LogLevel: Int, Sendable, Comparable, CaseIterable {
  case trace, debug, info, notice, warning, error, critical

  package static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// A log for one subsystem. Cheap to copy; a call below the level costs one comparison.
package struct Logger: Sendable {
  package let subsystem: String

  package init(subsystem: String) { self.subsystem = subsystem }

  package func log(
    _ level: LogLevel, _ message: @autoclosure () -> String, _ fields: @autoclosure () -> [(String, String)] = []
  ) {}

  package func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> [(String, String)] = []) {
    self.log(.debug, message(), fields())
  }
  package func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> [(String, String)] = []) {
    self.log(.info, message(), fields())
  }
  package func warning(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> [(String, String)] = []) {
    self.log(.warning, message(), fields())
  }
  package func error(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> [(String, String)] = []) {
    self.log(.error, message(), fields())
  }
}
