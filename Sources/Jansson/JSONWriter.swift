/// Writes a text, compact, in UTF-8, without a tree of values before it: for lists of thousands of members.
package struct JSONWriter {
  /// Bytes are collected in a piece of memory and appended together: lists have hundreds of thousands of small parts,
  /// and each append to an array has its price.
  static let pieceBytes = 16 << 10

  private let piece: UnsafeMutableBufferPointer<UInt8>
  /// Bytes of `piece` that are not in `text` yet.
  private var held = 0
  private var text: [UInt8] = []
  /// Something stands before the next value of this array or object.
  private var needsComma = false

  /// `piece` is the caller's for as long as this lives.
  private init(_ piece: UnsafeMutableBufferPointer<UInt8>) { self.piece = piece }

  /// What `write` writes, which is one value; `terminator` follows it.
  package static func text(terminator: UInt8? = nil, _ write: (inout JSONWriter) -> Void) -> [UInt8] {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.pieceBytes) { piece in
      var writer = JSONWriter(piece)
      write(&writer)
      if let terminator { writer.put(byte: terminator) }
      writer.flush()
      return writer.text
    }
  }

  // MARK: Values

  /// An object with the members that `members` writes.
  package mutating func object(_ members: (inout JSONWriter) -> Void) {
    self.container(UInt8(ascii: "{"), members, UInt8(ascii: "}"))
  }

  /// An array of the values that `values` writes.
  package mutating func array(_ values: (inout JSONWriter) -> Void) {
    self.container(UInt8(ascii: "["), values, UInt8(ascii: "]"))
  }

  /// The name of the member whose value is written next; nothing in it must be escaped.
  package mutating func name(_ name: StaticString) {
    self.begin()
    self.put(byte: UInt8(ascii: "\""))
    name.withUTF8Buffer { self.put(bytes: $0) }
    self.put(byte: UInt8(ascii: "\""))
    self.nameEnds()
  }

  package mutating func member(_ name: StaticString, _ value: JSON) {
    self.name(name)
    self.put(value)
  }

  /// A member whose name comes from elsewhere.
  package mutating func member(named name: String, _ value: JSON) {
    self.begin()
    self.put(quoted: name)
    self.nameEnds()
    self.put(value)
  }

  private mutating func nameEnds() {
    self.put(byte: UInt8(ascii: ":"))
    self.needsComma = false
  }

  package mutating func put(_ value: JSON) {
    switch value {
    case .array(let elements): self.array { json in for element in elements { json.put(element) } }
    case .object(let object):
      self.object { json in
        for member in object.members { json.member(named: member.name, member.value) }
      }
    case .null: self.scalar("null")
    case .bool(let flag): self.scalar(flag ? "true" : "false")
    case .integer(let number): self.scalar(number.description)
    // Shortest digits that read back as the same number.
    case .double(let number): self.scalar(number.isFinite ? number.description : "null")
    case .string(let string):
      self.begin()
      self.put(quoted: string)
    }
  }

  /// A string of `count` bytes at most, none of which must be escaped; `fill` writes them and answers how many.
  package mutating func plainString(_ count: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Int) {
    precondition(count <= Self.pieceBytes)
    self.begin()
    self.put(byte: UInt8(ascii: "\""))
    if count > self.piece.count - self.held { self.flush() }
    self.held += fill(self.piece.baseAddress! + self.held)
    self.put(byte: UInt8(ascii: "\""))
  }

  // MARK: Bytes

  private mutating func begin() {
    if self.needsComma { self.put(byte: UInt8(ascii: ",")) }
    self.needsComma = true
  }

  private mutating func container(_ open: UInt8, _ content: (inout JSONWriter) -> Void, _ close: UInt8) {
    self.begin()
    self.put(byte: open)
    self.needsComma = false
    content(&self)
    self.put(byte: close)
    self.needsComma = true
  }

  private mutating func scalar(_ text: String) {
    self.begin()
    self.put(plain: text)
  }

  private mutating func flush() {
    self.text.append(contentsOf: self.piece[..<self.held])
    self.held = 0
  }

  private mutating func put(byte: UInt8) {
    if self.held == self.piece.count { self.flush() }
    self.piece[self.held] = byte
    self.held += 1
  }

  private mutating func put(plain: String) {
    Self.withBytes(plain) { self.put(bytes: $0) }
  }

  private mutating func put(bytes: UnsafeBufferPointer<UInt8>) {
    guard let start = bytes.baseAddress else { return }
    if bytes.count > self.piece.count - self.held {
      self.flush()
      guard bytes.count <= self.piece.count else { return self.text.append(contentsOf: bytes) }
    }
    (self.piece.baseAddress! + self.held).initialize(from: start, count: bytes.count)
    self.held += bytes.count
  }

  /// `String.withUTF8` wants a copy that it may change, which costs more than most of these strings.
  private static func withBytes(_ string: String, _ body: (UnsafeBufferPointer<UInt8>) -> Void) {
    if string.utf8.withContiguousStorageIfAvailable(body) == nil { Array(string.utf8).withUnsafeBufferPointer(body) }
  }

  private mutating func put(quoted string: String) {
    self.put(byte: UInt8(ascii: "\""))
    Self.withBytes(string) { bytes in
      if Self.mustEscape(bytes) {
        for byte in bytes { self.put(character: byte) }
      } else {
        self.put(bytes: bytes)
      }
    }
    self.put(byte: UInt8(ascii: "\""))
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
    guard Self.mustEscape(byte) else { return self.put(byte: byte) }
    self.put(byte: UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): self.put(byte: byte)
    case UInt8(ascii: "\n"): self.put(byte: UInt8(ascii: "n"))
    case UInt8(ascii: "\r"): self.put(byte: UInt8(ascii: "r"))
    case UInt8(ascii: "\t"): self.put(byte: UInt8(ascii: "t"))
    default:
      self.put(plain: "u00")
      self.put(byte: Self.hex[Int(byte >> 4)])
      self.put(byte: Self.hex[Int(byte & 15)])
    }
  }

  private static let hex = Array("0123456789abcdef".utf8)
}
