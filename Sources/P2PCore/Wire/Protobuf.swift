/// Reads the fields of a message in order (protobuf: encoding). The caller skips those it does not know, and keeps the last
/// of those that are not repeated. Groups are refused.
package struct ProtobufReader: Sendable {
  package enum WireType: UInt8, Sendable {
    case varint = 0
    /// Only skipped, as is `fixed32`: no message here has such a field.
    case fixed64 = 1
    /// Strings, bytes and embedded messages.
    case delimited = 2
    case fixed32 = 5
  }

  private let source: [UInt8]
  private let end: Int
  /// Behind the current field.
  private var index: Int
  /// Of the current field, 1 to 2^29 - 1.
  package private(set) var number: UInt32 = 0
  package private(set) var wireType = WireType.varint
  /// The current field's number, or where its bytes begin.
  private var value: UInt64 = 0

  package init(_ bytes: [UInt8]) { self.init(bytes, 0..<bytes.count) }

  private init(_ source: [UInt8], _ range: Range<Int>) {
    self.source = source
    self.index = range.lowerBound
    self.end = range.upperBound
  }

  /// Goes to the next field and tells its number, 1 to 2^29 - 1; nil at the end.
  package mutating func next() throws(WireError) -> UInt32? {
    guard self.index < self.end else { return nil }
    let tag = try self.readVarint()
    guard tag >> 3 > 0 && tag >> 3 < 1 << 29 else { throw .malformed("a field number out of range") }
    guard let type = WireType(rawValue: UInt8(tag & 7)) else { throw .malformed("a group or an unknown wire type") }
    self.number = UInt32(tag >> 3)
    self.wireType = type
    switch type {
    case .varint: self.value = try self.readVarint()
    case .fixed64: try self.skip(8)
    case .fixed32: try self.skip(4)
    case .delimited:
      let size = try self.readVarint()
      self.value = UInt64(self.index)
      try self.skip(size)
    }
    return self.number
  }

  private mutating func readVarint() throws(WireError) -> UInt64 {
    // Nearly every one is a single byte.
    if self.index < self.end, self.source[self.index] < 0x80 {
      defer { self.index += 1 }
      return UInt64(self.source[self.index])
    }
    let (value, next) = try ProtobufVarint.read(self.source, at: self.index, end: self.end)
    self.index = next
    return value
  }

  private mutating func skip(_ size: UInt64) throws(WireError) {
    guard size <= UInt64(self.end - self.index) else { throw .truncated }
    self.index += Int(size)
  }

  // MARK: The current field

  private func range() throws(WireError) -> Range<Int> {
    if self.wireType != .delimited { throw .malformed("field \(self.number) is not length-delimited") }
    return Int(self.value)..<self.index
  }

  /// The bytes of a length-delimited field.
  package func bytes() throws(WireError) -> [UInt8] { Array(self.source[try self.range()]) }

  /// What `body` makes of the bytes of a length-delimited field, which are not copied.
  package func withBytes<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) throws(WireError) -> Value {
    let range = try self.range()
    return self.source.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[range])) }
  }

  /// The text of a length-delimited field.
  package func string() throws(WireError) -> String {
    let text = try self.withBytes { bytes -> String? in
      // What is not UTF-8 is replaced here, so that the text differs. `String(validating:)` takes several times as long.
      let text = String(decoding: bytes, as: UTF8.self)
      return bytes.allSatisfy { $0 < 0x80 } || text.utf8.elementsEqual(bytes) ? text : nil
    }
    guard let text else { throw .malformed("field \(self.number) is not UTF-8") }
    return text
  }

  /// The message in a length-delimited field, which is not copied.
  package func message() throws(WireError) -> ProtobufReader { ProtobufReader(self.source, try self.range()) }

  /// The number of a varint field.
  package func varint() throws(WireError) -> UInt64 {
    guard self.wireType == .varint else { throw .malformed("field \(self.number) is not a varint") }
    return self.value
  }
}

/// Writes the fields of a message in the order of the calls, each in its shortest form.
package struct ProtobufWriter: Sendable {
  package private(set) var bytes: [UInt8] = []

  /// `capacity`: bytes that are expected.
  package init(capacity: Int = 0) { self.bytes.reserveCapacity(capacity) }

  package mutating func varint(_ number: UInt32, _ value: UInt64) {
    ProtobufVarint.append(UInt64(number) << 3, to: &self.bytes)
    ProtobufVarint.append(value, to: &self.bytes)
  }

  package mutating func bytes(_ number: UInt32, _ value: [UInt8]) {
    ProtobufVarint.append(UInt64(number) << 3 | 2, to: &self.bytes)
    ProtobufVarint.append(UInt64(value.count), to: &self.bytes)
    self.bytes += value
  }

  /// Fields that were written before.
  package mutating func fields(_ encoded: [UInt8]) { self.bytes += encoded }

  /// An embedded message: the fields that `body` writes.
  package mutating func message(_ number: UInt32, _ body: (inout ProtobufWriter) -> Void) {
    ProtobufVarint.append(UInt64(number) << 3 | 2, to: &self.bytes)
    // Its length is known behind it, and has one byte as a rule.
    self.bytes.append(0)
    let start = self.bytes.count
    body(&self)
    let size = self.bytes.count - start
    if size < 0x80 {
      self.bytes[start - 1] = UInt8(size)
    } else {
      var length: [UInt8] = []
      ProtobufVarint.append(UInt64(size), to: &length)
      self.bytes.replaceSubrange(start - 1..<start, with: length)
    }
  }

  package mutating func string(_ number: UInt32, _ value: String) {
    ProtobufVarint.append(UInt64(number) << 3 | 2, to: &self.bytes)
    var value = value
    value.withUTF8 { text in
      ProtobufVarint.append(UInt64(text.count), to: &self.bytes)
      self.bytes.append(contentsOf: text)
    }
  }
}
