extension JSON {
  /// The text, compact, in UTF-8, members in their order.
  ///
  /// Written here and not by jansson, which takes ten times as long: it wants a tree of its own first, and its
  /// search for cycles formats the address of every container. A tree of values has no cycles.
  package func encoded() -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(4_096)
    self.write(to: &text)
    return text
  }

  private func write(to text: inout [UInt8]) {
    switch self {
    case .null: text.append(contentsOf: "null".utf8)
    case .bool(let flag): text.append(contentsOf: flag ? "true".utf8 : "false".utf8)
    case .integer(let number): Self.write(number.description, to: &text)
    // Shortest digits that read back as the same number.
    case .double(let number): Self.write(number.isFinite ? number.description : "null", to: &text)
    case .string(let string): Self.write(quoted: string, to: &text)
    case .array(let elements):
      text.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        element.write(to: &text)
      }
      text.append(UInt8(ascii: "]"))
    case .object(let object):
      text.append(UInt8(ascii: "{"))
      for (index, member) in object.members.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        Self.write(quoted: member.name, to: &text)
        text.append(UInt8(ascii: ":"))
        member.value.write(to: &text)
      }
      text.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ plain: String, to text: inout [UInt8]) {
    var plain = plain
    plain.withUTF8 { text.append(contentsOf: $0) }
  }

  private static func write(quoted string: String, to text: inout [UInt8]) {
    var string = string
    text.append(UInt8(ascii: "\""))
    string.withUTF8 { bytes in
      if bytes.contains(where: Self.mustEscape) {
        for byte in bytes { Self.write(character: byte, to: &text) }
      } else {
        text.append(contentsOf: bytes)
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  private static func mustEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  /// RFC 8259 §7.
  private static func write(character byte: UInt8, to text: inout [UInt8]) {
    guard Self.mustEscape(byte) else { return text.append(byte) }
    text.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(byte)
    case UInt8(ascii: "\n"): text.append(UInt8(ascii: "n"))
    case UInt8(ascii: "\r"): text.append(UInt8(ascii: "r"))
    case UInt8(ascii: "\t"): text.append(UInt8(ascii: "t"))
    default:
      text.append(contentsOf: "u00".utf8)
      text.append(Self.hex[Int(byte >> 4)])
      text.append(Self.hex[Int(byte & 15)])
    }
  }

  private static let hex = Array("0123456789abcdef".utf8)
}
