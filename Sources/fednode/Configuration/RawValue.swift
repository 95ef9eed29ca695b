/// A value as it was written, before it has a type.
indirect enum RawValue: Sendable, Hashable {
  case text(String)
  /// A number, `true`, `false` or `null`; only for showing.
  case literal(String)
  case list([RawValue])
  case map([String: RawValue])

  /// For messages: what kind of value stands there.
  var kind: String {
    switch self {
    case .text, .literal: "a single value"
    case .list: "a list"
    case .map: "a mapping"
    }
  }
}

/// What is wrong with a value and how to mend it.
struct ValueError: Error, Sendable, Hashable {
  let message: String
  let mend: String

  init(_ message: String, mend: String) {
    self.message = message
    self.mend = mend
  }
}
