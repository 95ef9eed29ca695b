/// A value in a YAML document and where it stands.
package struct YAMLNode: Sendable, Hashable {
  package enum Content: Sendable, Hashable {
    /// Text; `isPlain` when it stands without quotes, so that `null` and `"null"` can be told apart.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    case mapping([Entry])
  }

  /// A key with its value. Keys of a mapping differ.
  package struct Entry: Sendable, Hashable {
    package let key: String
    package let keyMark: YAMLMark
    package let value: YAMLNode
  }

  package let mark: YAMLMark
  package let content: Content

  /// Whether nothing stands here: `key:`, `~` or `null`.
  package var isNull: Bool {
    guard case .scalar(let text, isPlain: true) = self.content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }
}

/// A place in the input.
package struct YAMLMark: Sendable, Hashable {
  /// From 1.
  package let line: Int
  /// From 1, in characters.
  package let column: Int
}

/// What is wrong with a document, and where.
package struct YAMLProblem: Error, Sendable, Hashable, CustomStringConvertible {
  package let mark: YAMLMark
  package let message: String

  package var description: String { "line \(self.mark.line), column \(self.mark.column): \(self.message)" }
}
