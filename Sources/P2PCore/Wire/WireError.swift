/// Bytes that do not follow their format.
package enum WireError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The bytes end within a field.
  case truncated
  /// A length that is larger than the reader takes.
  case tooLong(size: UInt64, maximum: Int)
  /// Anything else; the text says what.
  case malformed(String)

  package var description: String {
    switch self {
    case .truncated: "the bytes end within a field"
    case .tooLong(let size, let maximum): "a length of \(size) bytes where at most \(maximum) are taken"
    case .malformed(let what): what
    }
  }
}
