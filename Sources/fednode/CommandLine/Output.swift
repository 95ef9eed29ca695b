internal import Glibc

/// Where a command says what it has to say.
struct Output: Sendable {
  /// A line of the answer.
  let print: @Sendable (String) -> Void
  /// A line for people beside it.
  let note: @Sendable (String) -> Void
  /// File descriptor.
  let log: Int32

  /// Standard output for the answer, standard error for the rest.
  static let standard = Output(print: { Swift.print($0) }, note: { Terminal.note($0) }, log: STDERR_FILENO)
}
