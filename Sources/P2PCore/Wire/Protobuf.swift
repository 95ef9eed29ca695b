/// One field of a protobuf message as it stands on the wire (protobuf: encoding).
package struct ProtobufField: Sendable {
  package enum Value: Sendable, Hashable {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    /// Strings, bytes and embedded messages.
    case bytes(ArraySlice<UInt8>)
  }

  /// 1 to 2^29 - 1.
  package let number: UInt32
  package let value: Value

  /// The bytes of a length-delimited field.
  package func bytes() throws(WireError) -> [UInt8] {
    guard case .bytes(let slice) = self.value else {
      throw .malformed("field \(self.number) is not length-delimited")
    }
    return Array(slice)
  }

  /// The text of a length-delimited field.
  package func string() throws(WireError) -> String {
    guard case .bytes(let slice) = self.value else {
      throw .malformed("field \(self.number) is not length-delimited")
    }
    // What is not UTF-8 is replaced here, so that the text differs. `String(validating:)` takes several times as long.
    let text = String(decoding: slice, as: UTF8.self)
    guard text.isEqual(to: slice) else { throw .malformed("field \(self.number) is not UTF-8") }
    return text
  }

  /// The message in a length-delimited field, which is not copied.
  package func message() throws(WireError) -> ProtobufReader {
    guard case .bytes(let slice) = self.value else {
      throw .malformed("field \(self.number) is not length-delimited")
    }
    return ProtobufReader(slice)
  }

  /// The number of a varint field.
  package func varint() throws(WireError) -> UInt64 {
    guard case .varint(let number) = self.value else { throw .malformed("field \(self.number) is not a varint") }
    return number
  }
}

extension String {
  fileprivate func isEqual(to bytes: ArraySlice<UInt8>) -> Bool {
    if self.utf8.count != bytes.count { return false }
    var text = self
    return text.withUTF8 { text in
      bytes.withUnsafeBufferPointer { bytes in
        for index in 0..<bytes.count where text[index] != bytes[index] { return false }
        return true
      }
    }
  }
}

/// Reads the fields of a message in order. The caller skips those it does not know, and keeps the last of those
/// that are not repeated. Groups are refused.
package struct ProtobufReader: Sendable {
  private let bytes: ArraySlice<UInt8>
  private var index: Int

  package init(_ bytes: [UInt8]) { self.init(bytes[...]) }

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    self.index = bytes.startIndex
  }

  /// The next field; nil at the end.
  package mutating func next() throws(WireError) -> ProtobufField? {
    guard self.index < self.bytes.endIndex else { return nil }
    let tag = try self.varint()
    let number = tag >> 3
    guard number > 0 && number < 1 << 29 else { throw .malformed("a field number out of range") }
    let value: ProtobufField.Value
    switch tag & 7 {
    case 0: value = .varint(try self.varint())
    case 1: value = .fixed64(try self.fixed(8))
    case 2: value = .bytes(try self.delimited())
    case 5: value = .fixed32(UInt32(truncatingIfNeeded: try self.fixed(4)))
    default: throw .malformed("a group or an unknown wire type")
    }
    return ProtobufField(number: UInt32(number), value: value)
  }

  private mutating func varint() throws(WireError) -> UInt64 {
    // Nearly every one is a single byte.
    if self.index < self.bytes.endIndex, self.bytes[self.index] < 0x80 {
      defer { self.index += 1 }
      return UInt64(self.bytes[self.index])
    }
    let (value, next) = try ProtobufVarint.read(self.bytes, at: self.index)
    self.index = next
    return value
  }

  private mutating func fixed(_ size: Int) throws(WireError) -> UInt64 {
    guard self.bytes.endIndex - self.index >= size else { throw .truncated }
    var value: UInt64 = 0
    for offset in 0..<size { value |= UInt64(self.bytes[self.index + offset]) << UInt64(8 * offset) }
    self.index += size
    return value
  }

  private mutating func delimited() throws(WireError) -> ArraySlice<UInt8> {
    let size = try self.varint()
    guard size <= UInt64(self.bytes.endIndex - self.index) else { throw .truncated }
    let start = self.index
    self.index += Int(size)
    return self.bytes[start..<self.index]
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
