/// Small JSON documents for `--json` (RFC 8259).
indirect enum JSONText: Sendable {
  case string(String)
  /// A number, `true`, `false` or `null`.
  case literal(String)
  case array([JSONText])
  case object([(String, JSONText)])

  static func int(_ value: Int) -> JSONText { .literal(String(value)) }
  static var null: JSONText { .literal("null") }
  /// `value` is finite: it comes from a `Duration`.
  static func double(_ value: Double) -> JSONText { .literal("\(value)") }
  static func bool(_ value: Bool) -> JSONText { .literal(value ? "true" : "false") }
  static func optional(_ value: String?) -> JSONText { value.map { .string($0) } ?? .literal("null") }

  init(_ value: RawValue) {
    switch value {
    case .text(let text): self = .string(text)
    case .literal(let text): self = .literal(text)
    case .list(let items): self = .array(items.map { JSONText($0) })
    case .map(let entries):
      self = .object(entries.sorted { $0.key < $1.key }.map { ($0.key, JSONText($0.value)) })
    }
  }

  /// In one line.
  var text: String {
    switch self {
    case .string(let text): Self.quote(text)
    case .literal(let text): text
    case .array(let items): "[" + items.map(\.text).joined(separator: ",") + "]"
    case .object(let members):
      "{" + members.map { "\(Self.quote($0)):\($1.text)" }.joined(separator: ",") + "}"
    }
  }

  static func quote(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case 0x22, 0x5c: result += "\\\(scalar)"
      case 0x0a: result += "\\n"
      case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
