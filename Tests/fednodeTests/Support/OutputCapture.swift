import Jansson
import Synchronization

@testable import fednode

/// Keeps what a command says.
final class OutputCapture: Sendable {
  private let printed = Mutex<[String]>([])
  private let noted = Mutex<[String]>([])

  private let log: Int32

  /// `log`: a file descriptor.
  init(log: Int32 = 2) { self.log = log }

  /// The answer, line by line.
  var lines: [String] { self.printed.withLock { $0 }.flatMap { $0.split(separator: "\n").map(String.init) } }
  /// What is beside it.
  var notes: [String] { self.noted.withLock { $0 } }
  /// The answer of a command that was given `--json`.
  var json: JSON? {
    get throws {
      guard self.lines.count == 1, let line = self.lines.first else { return nil }
      return try JSON(decoding: Array(line.utf8))
    }
  }

  var output: Output {
    Output(
      print: { line in self.printed.withLock { $0.append(line) } },
      note: { line in self.noted.withLock { $0.append(line) } }, log: self.log)
  }
}
