import Foundation
import Glibc
import Logging

/// A file that takes the log of a test.
final class LogFile: Sendable {
  private let path: String
  let descriptor: Int32

  init(in directory: TemporaryDirectory) throws {
    self.path = "\(directory.path)/log-\(UUID().uuidString)"
    self.descriptor = open(self.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard self.descriptor >= 0 else { throw POSIXError(.EIO) }
  }

  deinit {
    Self.restore()
    close(self.descriptor)
  }

  var lines: [String] {
    get throws { try String(contentsOfFile: self.path, encoding: .utf8).split(separator: "\n").map(String.init) }
  }

  /// The log as it is without a test that reads it.
  static func restore() { LogBackend.bootstrap(level: .info, format: .text) }
}

/// Runs `body` and answers the log lines that were written meanwhile, as text.
func logged(in directory: TemporaryDirectory, _ body: () async throws -> Void) async throws -> [String] {
  let file = try LogFile(in: directory)
  LogBackend.bootstrap(level: .trace, format: .text, output: file.descriptor)
  defer { LogFile.restore() }
  try await body()
  return try file.lines
}
