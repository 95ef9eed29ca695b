/// Walks DER (X.690) elements of a buffer. Strict: definite lengths in their shortest form, nothing beyond the end.
struct DERReader {
  struct Element {
    let tag: UInt8
    /// Tag, length and content.
    let whole: Range<Int>
    let content: Range<Int>
  }

  static let integer: UInt8 = 0x02
  static let bitString: UInt8 = 0x03
  static let octetString: UInt8 = 0x04
  static let sequence: UInt8 = 0x30

  private let bytes: [UInt8]
  private var rest: Range<Int>

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    self.rest = bytes.indices
  }

  /// Reads inside the content of `element`.
  init(_ bytes: [UInt8], inside element: Element) {
    self.bytes = bytes
    self.rest = element.content
  }

  var isAtEnd: Bool { self.rest.isEmpty }

  /// The tag of the next element.
  var nextTag: UInt8? { self.rest.isEmpty ? nil : self.bytes[self.rest.lowerBound] }

  /// The next element when it is well formed and has `tag`; the reader then stands behind it.
  mutating func read(_ tag: UInt8) -> Element? {
    guard self.rest.count >= 2, self.bytes[self.rest.lowerBound] == tag else { return nil }
    var content = self.rest.lowerBound + 2
    var length = Int(self.bytes[content - 1])
    if length >= 0x80 {
      // Three bytes of length are more than any certificate that we read.
      let count = length & 0x7f
      guard (1...3).contains(count), self.rest.upperBound - content >= count, self.bytes[content] != 0 else {
        return nil
      }
      length = self.bytes[content..<content + count].reduce(0) { $0 << 8 | Int($1) }
      guard length >= 0x80 else { return nil }
      content += count
    }
    guard self.rest.upperBound - content >= length else { return nil }
    let end = content + length
    let element = Element(tag: tag, whole: self.rest.lowerBound..<end, content: content..<end)
    self.rest = end..<self.rest.upperBound
    return element
  }

  /// The content of the only element, which has `tag`, of `bytes`.
  static func only(_ tag: UInt8, in bytes: [UInt8]) -> Element? {
    var reader = DERReader(bytes)
    guard let element = reader.read(tag), reader.isAtEnd else { return nil }
    return element
  }
}
