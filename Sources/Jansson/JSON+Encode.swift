extension JSON {
  /// The text, compact, in UTF-8, members in their order; `terminator` follows it.
  ///
  /// Written here and not by jansson, which takes ten times as long: it wants a tree of its own first, and its
  /// search for cycles formats the address of every container. A tree of values has no cycles.
  package func encoded(terminator: UInt8? = nil) -> [UInt8] {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: JSONText.pieceBytes) { piece in
      var text = JSONText(piece)
      self.write(to: &text)
      if let terminator { text.put(terminator) }
      return text.finish()
    }
  }

  private func write(to text: inout JSONText) {
    switch self {
    case .null: text.put("null")
    case .bool(let flag): text.put(flag ? "true" : "false")
    case .integer(let number): text.put(number.description)
    // Shortest digits that read back as the same number.
    case .double(let number): text.put(number.isFinite ? number.description : "null")
    case .string(let string): text.put(quoted: string)
    case .array(let elements):
      text.put(UInt8(ascii: "["))
      var isFirst = true
      for element in elements {
        if !isFirst { text.put(UInt8(ascii: ",")) }
        isFirst = false
        element.write(to: &text)
      }
      text.put(UInt8(ascii: "]"))
    case .object(let object):
      text.put(UInt8(ascii: "{"))
      var isFirst = true
      for member in object.members {
        if !isFirst { text.put(UInt8(ascii: ",")) }
        isFirst = false
        text.put(quoted: member.name)
        text.put(UInt8(ascii: ":"))
        member.value.write(to: &text)
      }
      text.put(UInt8(ascii: "}"))
    }
  }
}

/// A text that grows. Bytes are collected in a piece of memory and appended together: lists have hundreds of thousands
/// of small parts, and each append to an array has its price.
private struct JSONText {
  static let pieceBytes = 16 << 10

  private let piece: UnsafeMutableBufferPointer<UInt8>
  /// Bytes of `piece` that are not in `text` yet.
  private var held = 0
  private var text: [UInt8] = []

  /// `piece` is the caller's for as long as this lives.
  init(_ piece: UnsafeMutableBufferPointer<UInt8>) { self.piece = piece }

  mutating func finish() -> [UInt8] {
    self.flush()
    return self.text
  }

  private mutating func flush() {
    self.text.append(contentsOf: self.piece[..<self.held])
    self.held = 0
  }

  mutating func put(_ byte: UInt8) {
    if self.held == self.piece.count { self.flush() }
    self.piece[self.held] = byte
    self.held += 1
  }

  mutating func put(_ plain: String) {
    var plain = plain
    plain.withUTF8 { self.put($0) }
  }

  private mutating func put(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let start = bytes.baseAddress else { return }
    if bytes.count > self.piece.count - self.held {
      self.flush()
      guard bytes.count <= self.piece.count else { return self.text.append(contentsOf: bytes) }
    }
    (self.piece.baseAddress! + self.held).initialize(from: start, count: bytes.count)
    self.held += bytes.count
  }

  mutating func put(quoted string: String) {
    var string = string
    self.put(UInt8(ascii: "\""))
    string.withUTF8 { bytes in
      if Self.mustEscape(bytes) {
        for byte in bytes { self.put(character: byte) }
      } else {
        self.put(bytes)
      }
    }
    self.put(UInt8(ascii: "\""))
  }

  /// Whether any byte must be escaped. Eight at a time: the high bit of a byte of `marks` is set where that byte is
  /// one of them, or where a lower byte is, which comes to the same.
  private static func mustEscape(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    func zeroes(_ word: UInt64) -> UInt64 { (word &- ones) & ~word & highs }
    let raw = UnsafeRawBufferPointer(bytes)
    var offset = 0
    while offset + 8 <= raw.count {
      let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let marks =
        ((word &- ones &* 0x20) & ~word & highs) | zeroes(word ^ (ones &* UInt64(UInt8(ascii: "\""))))
        | zeroes(word ^ (ones &* UInt64(UInt8(ascii: "\\"))))
      if marks != 0 { return true }
      offset += 8
    }
    return raw[offset...].contains(where: Self.mustEscape)
  }

  private static func mustEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  /// RFC 8259 §7.
  private mutating func put(character byte: UInt8) {
    guard Self.mustEscape(byte) else { return self.put(byte) }
    self.put(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): self.put(byte)
    case UInt8(ascii: "\n"): self.put(UInt8(ascii: "n"))
    case UInt8(ascii: "\r"): self.put(UInt8(ascii: "r"))
    case UInt8(ascii: "\t"): self.put(UInt8(ascii: "t"))
    default:
      self.put("u00")
      self.put(Self.hex[Int(byte >> 4)])
      self.put(Self.hex[Int(byte & 15)])
    }
  }

  private static let hex = Array("0123456789abcdef".utf8)
}
