internal import Glibc

/// How a line looks.
package enum LogFormat: Int, Sendable, CaseIterable {
  /// For people: time, level, subsystem, message, `key=value`.
  case text
  /// For machines: one JSON object a line.
  case json

  /// Text on a terminal, JSON otherwise.
  package static func suiting(fileDescriptor: Int32) -> LogFormat {
    isatty(fileDescriptor) == 1 ? .text : .json
  }
}
