import Testing

@testable import P2PCore

@Suite("Varints")
struct VarintTests {
  @Test(
    "numbers at the borders of their sizes",
    arguments: [(0, 1), (1, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (1 << 62, 9), (UInt64(1) << 63 - 1, 9)])
  func borders(value: UInt64, size: Int) throws {
    var bytes: [UInt8] = []
    Varint.append(value, to: &bytes)
    #expect(bytes.count == size)
    #expect(Varint.size(of: value) == size)
    let read = try #require(try Varint.read(bytes, at: 0, end: bytes.count))
    #expect(read.value == value)
    #expect(read.next == size)
    for end in 0..<size { #expect(try Varint.read(bytes, at: 0, end: end) == nil) }
  }

  @Test(
    "other forms are refused",
    arguments: [[0x80, 0x00], [0xFF, 0x00], [0x80, 0x80, 0x00], [UInt8](repeating: 0x80, count: 9)] as [[UInt8]])
  func refused(bytes: [UInt8]) {
    #expect(throws: WireError.self) { try Varint.read(bytes, at: 0, end: bytes.count) }
  }

  @Test("protobuf's varints have 64 bits and may be longer than needed")
  func protobuf() throws {
    var bytes: [UInt8] = []
    ProtobufVarint.append(.max, to: &bytes)
    #expect(bytes == [UInt8](repeating: 0xFF, count: 9) + [0x01])
    #expect(ProtobufVarint.size(of: .max) == 10)
    #expect(try ProtobufVarint.read(bytes, at: 0, end: bytes.count).value == .max)
    #expect(try ProtobufVarint.read([0x81, 0x80, 0x00], at: 0, end: 3) == (1, 3))
    bytes[9] = 0x02
    #expect(throws: WireError.malformed("a varint of more than 64 bits")) {
      try ProtobufVarint.read(bytes, at: 0, end: bytes.count)
    }
    #expect(throws: WireError.truncated) { try ProtobufVarint.read([0x80, 0x01], at: 0, end: 1) }
  }
}

@Suite("Protobuf")
struct ProtobufTests {
  private func fields(_ hex: String) throws(WireError) -> [ProtobufReader] {
    var reader = ProtobufReader(bytes(hex: hex))
    var fields: [ProtobufReader] = []
    while try reader.next() != nil { fields.append(reader) }
    return fields
  }

  @Test("fields of all wire types are read")
  func wireTypes() throws {
    let fields = try self.fields("089601" + "110102030405060708" + "1a0361620a" + "2501000080")
    #expect(fields.map(\.wireType) == [.varint, .fixed64, .delimited, .fixed32])
    #expect(try fields[0].varint() == 150)
    #expect(fields.map(\.number) == [1, 2, 3, 4])
    #expect(try fields[2].bytes() == [0x61, 0x62, 0x0A])
  }

  @Test(
    "malformed messages are refused",
    arguments: [
      ("0b", WireError.malformed("a group or an unknown wire type")),
      ("0c", .malformed("a group or an unknown wire type")), ("0e", .malformed("a group or an unknown wire type")),
      ("0000", .malformed("a field number out of range")),
      ("808080801000", .malformed("a field number out of range")), ("08", .truncated), ("0880", .truncated),
      ("1202ff", .truncated), ("12ffffffffffffffffff01ff", .truncated), ("0d010203", .truncated),
      ("0901020304050607", .truncated),
    ])
  func malformed(hex: String, error: WireError) {
    #expect(throws: error) { try self.fields(hex) }
    #expect(!error.description.isEmpty)
  }

  @Test("a field of another wire type than expected is refused")
  func wrongType() throws {
    var reader = ProtobufReader(bytes(hex: "08011201ff"))
    #expect(try reader.next() == 1)
    #expect(throws: WireError.malformed("field 1 is not length-delimited")) { try reader.bytes() }
    #expect(throws: WireError.malformed("field 1 is not length-delimited")) { try reader.string() }
    #expect(try reader.next() == 2)
    #expect(throws: WireError.malformed("field 2 is not a varint")) { try reader.varint() }
    #expect(throws: WireError.malformed("field 2 is not UTF-8")) { try reader.string() }
  }

  @Test("what is written is read again")
  func writer() throws {
    var writer = ProtobufWriter()
    writer.varint(1, .max)
    writer.bytes(2, [1, 2])
    writer.string(3, "grün")
    #expect(hex(writer.bytes) == "08ffffffffffffffffff01" + "12020102" + "1a056772c3bc6e")
  }
}

extension ProtobufTests {
  @Test("an embedded message of any length is read again", arguments: [0, 1, 123, 124, 200, 20_000])
  func embedded(size: Int) throws {
    let content = [UInt8](repeating: 7, count: size)
    var writer = ProtobufWriter()
    writer.varint(1, 5)
    writer.message(2) { $0.bytes(3, content) }
    writer.varint(4, 6)
    var plain = ProtobufWriter()
    plain.varint(1, 5)
    var inner = ProtobufWriter()
    inner.bytes(3, content)
    plain.bytes(2, inner.bytes)
    plain.varint(4, 6)
    #expect(writer.bytes == plain.bytes)
    var reader = ProtobufReader(writer.bytes)
    _ = try reader.next()
    #expect(try reader.next() == 2)
    var fields = try reader.message()
    #expect(try fields.next() == 3)
    #expect(try fields.bytes() == content)
    #expect(try fields.next() == nil)
    #expect(try reader.next() == 4)
    #expect(try reader.varint() == 6)
  }

  @Test(
    "a text that is not UTF-8 is refused, whatever replaces it",
    arguments: ["80", "f09f98", "c0af", "eda080", "61ff"])
  func badText(hex: String) throws {
    var writer = ProtobufWriter()
    writer.bytes(1, bytes(hex: hex))
    var reader = ProtobufReader(writer.bytes)
    #expect(try reader.next() == 1)
    #expect(throws: WireError.malformed("field 1 is not UTF-8")) { try reader.string() }
  }
}

@Suite("Messages behind their length")
struct VarintFramerTests {
  @Test("messages are cut out of whatever pieces arrive", arguments: [1, 2, 3, 7, 1_000])
  func pieces(size: Int) throws {
    let messages: [[UInt8]] = [[], [1], [UInt8](repeating: 7, count: 200), [2, 3]]
    let stream = messages.flatMap { VarintFramer.frame($0) }
    var framer = VarintFramer(messageSizeMaximum: 200)
    var found: [[UInt8]] = []
    for start in stride(from: 0, to: stream.count, by: size) {
      framer.append(Array(stream[start..<min(start + size, stream.count)]))
      while let message = try framer.next() { found.append(message) }
    }
    #expect(found == messages)
    #expect(!framer.isWithinMessage)
  }

  @Test("a length above the maximum is refused before its message comes")
  func tooLong() throws {
    var framer = VarintFramer(messageSizeMaximum: 100)
    framer.append([0x65])
    #expect(throws: WireError.tooLong(size: 101, maximum: 100)) { try framer.next() }
    framer = VarintFramer(messageSizeMaximum: 100)
    framer.append([UInt8](repeating: 0xFF, count: 8) + [0x7F])
    #expect(throws: WireError.tooLong(size: UInt64(1) << 63 - 1, maximum: 100)) { try framer.next() }
    #expect(
      WireError.tooLong(size: 101, maximum: 100).description == "a length of 101 bytes where at most 100 are taken")
  }

  @Test("a stream that ends within a message shows")
  func unfinished() throws {
    var framer = VarintFramer(messageSizeMaximum: 100)
    framer.append([3, 1, 2])
    #expect(try framer.next() == nil)
    #expect(framer.isWithinMessage)
  }
}

@Suite("Bases")
struct BaseTests {
  @Test(
    "base58btc as others write it",
    arguments: [
      ("", ""), ("00", "1"), ("0000", "11"), ("61", "2g"), ("626262", "a3gV"),
      (
        "00010966776006953d5567439e5e39f86a0d273beed61967f6",
        "16UwLL9Risc3QfPqBUvKofHmBQ7wMtjvM"
      ),
    ])
  func base58(input: String, text: String) {
    #expect(PositionalBase.base58btc.encode(bytes(hex: input)) == text)
    #expect(PositionalBase.base58btc.decode(Array(text.utf8)[...]) == bytes(hex: input))
  }

  @Test(
    "base32 as RFC 4648 has it",
    arguments: [("", ""), ("f", "my"), ("fo", "mzxq"), ("foo", "mzxw6"), ("foob", "mzxw6yq"), ("fooba", "mzxw6ytb")])
  func base32(input: String, text: String) {
    #expect(Base32.encode(Array(input.utf8)) == text)
    #expect(Base32.decode(Array(text.utf8)[...]) == Array(input.utf8))
  }

  @Test(
    "texts that no bytes have are refused",
    arguments: ["a", "aaa", "aaaaaa", "m", "mz", "mzx", "mzxw6y", "MY", "m1", "my======"])
  func base32Refused(text: String) {
    #expect(Base32.decode(Array(text.utf8)[...]) == nil)
  }

  @Test("texts above the maximum are refused before the work begins")
  func maximum() {
    #expect(PositionalBase.base36.decode([UInt8](repeating: 0x31, count: 128)[...]) != nil)
    #expect(PositionalBase.base36.decode([UInt8](repeating: 0x31, count: 129)[...]) == nil)
  }
}

@Suite("Foreign text in messages")
struct QuotedTests {
  @Test(
    "everything but printable ASCII is escaped",
    arguments: [("a b", #""a b""#), ("a\nb", #""a\nb""#), ("\u{1B}[31m", #""\u{1B}[31m""#), ("ü", #""\u{00FC}""#)])
  func escapes(text: String, expected: String) {
    #expect(quoted(text) == expected)
  }

  @Test("long text is cut")
  func long() {
    #expect(quoted(String(repeating: "x", count: 10_000)).count == 123)
  }
}
