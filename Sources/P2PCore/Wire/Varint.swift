/// Unsigned varints as multiformats has them: seven bits a byte, least significant first, at most nine bytes
/// (63 bits), and only the shortest form (multiformats: unsigned-varint).
package enum Varint {
  /// Longest encoding, bytes.
  package static let sizeMaximum = 9

  /// The number at `index` and the index after it; nil while its last byte is missing.
  package static func read(
    _ bytes: [UInt8], at index: Int, end: Int
  ) throws(WireError) -> (value: UInt64, next: Int)? {
    var value: UInt64 = 0
    var position = index
    while position < end {
      let byte = bytes[position]
      let count = position - index
      value |= UInt64(byte & 0x7F) << UInt64(7 * count)
      position += 1
      if byte < 0x80 {
        if byte == 0 && count > 0 { throw .malformed("a varint that is not in its shortest form") }
        return (value, position)
      }
      if count + 1 == self.sizeMaximum { throw .malformed("a varint of more than nine bytes") }
    }
    return nil
  }

  /// Appends `value`, which has at most 63 bits.
  package static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    precondition(value >> 63 == 0, "multiformats varints have at most 63 bits")
    ProtobufVarint.append(value, to: &bytes)
  }

  /// Bytes that `append` writes.
  package static func size(of value: UInt64) -> Int { ProtobufVarint.size(of: value) }
}

/// Varints as protobuf has them: up to ten bytes for 64 bits, longer forms than needed allowed (protobuf: encoding).
package enum ProtobufVarint {
  /// Longest encoding, bytes.
  package static let sizeMaximum = 10

  /// The number at `index` and the index after it.
  package static func read(
    _ bytes: [UInt8], at index: Int, end: Int
  ) throws(WireError) -> (value: UInt64, next: Int) {
    var value: UInt64 = 0
    var position = index
    while position < end {
      let byte = bytes[position]
      let count = position - index
      if count + 1 == self.sizeMaximum && byte > 1 { throw .malformed("a varint of more than 64 bits") }
      value |= UInt64(byte & 0x7F) << UInt64(7 * count)
      position += 1
      if byte < 0x80 { return (value, position) }
    }
    throw .truncated
  }

  package static func append(_ value: UInt64, to bytes: inout [UInt8]) {
    var rest = value
    // Nearly every one is a single byte.
    if rest < 0x80 { return bytes.append(UInt8(rest)) }
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  package static func size(of value: UInt64) -> Int {
    max(1, (64 - value.leadingZeroBitCount + 6) / 7)
  }
}
