import Testing

@testable import Jansson

@Suite struct JSONTests {
  private func decode(_ text: String) throws -> JSON { try JSON(decoding: Array(text.utf8)) }
  private func encode(_ value: JSON) -> String { String(decoding: value.encoded(), as: UTF8.self) }

  @Test(
    "a text becomes the value it stands for",
    arguments: [
      ("null", JSON.null), ("true", JSON.bool(true)), ("-7", JSON.integer(-7)), ("1.5", JSON.double(1.5)),
      ("\"a\\u00e9\\n\"", JSON.string("aé\n")), ("[]", JSON.array([])),
      ("{}", JSON.object(.init())),
      ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
      (" {\"b\": [1, {\"c\": null}], \"a\": \"\"} ", ["b": [1, ["c": nil]], "a": ""] as JSON),
    ])
  func aTextBecomesTheValueIt(text: String, value: JSON) throws {
    #expect(try self.decode(text) == value)
  }

  @Test("a value comes back from its text, members in their order") func aValueComesBackFromIts() throws {
    let value: JSON = [
      "zulu": 1, "alpha": [true, false, nil, -1, 0.25], "ünï": "\u{1F511} \"\\/\u{8}", "mike": ["z": 1, "a": 2],
      "empty": "",
    ]
    #expect(try JSON(decoding: value.encoded()) == value)
    #expect(
      self.encode(["zulu": 1, "alpha": [true, nil], "mike": "x"]) == #"{"zulu":1,"alpha":[true,null],"mike":"x"}"#)
  }

  @Test(
    "numbers and odd values are written as JSON has them",
    arguments: [
      (JSON.double(0.1), "0.1"), (.double(12.345), "12.345"), (.double(3), "3.0"), (.double(.infinity), "null"),
      (.double(.nan), "null"), (.double(1e-7), "1e-07"), (.null, "null"), ("top", "\"top\""),
      (JSON(UInt64.max), "9223372036854775807"),
      (JSON(Int?.none), "null"), (JSON(String?.none), "null"), ("a\u{0}b", #""a\u0000b""#),
    ])
  func numbersAndOddValuesAreWritten(value: JSON, text: String) {
    #expect(self.encode(value) == text)
  }

  @Test("what must be escaped is escaped wherever it stands, and nothing else is")
  func escapesAnywhere() throws {
    let characters = [0x00, 0x01, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x5B, 0x5C, 0x5D, 0x7F, 0x80, 0xA2, 0xDC, 0x20AC]
    for scalar in characters.compactMap(UnicodeScalar.init) {
      for length in 1...20 {
        for place in 0..<length {
          var text = String(repeating: "x", count: length).unicodeScalars
          text.replaceSubrange(
            text.index(text.startIndex, offsetBy: place)...text.index(text.startIndex, offsetBy: place), with: [scalar])
          let encoded = self.encode(.string(String(text)))
          let isEscaped = encoded.utf8.contains(UInt8(ascii: "\\"))
          #expect(isEscaped == (scalar.value < 0x20 || scalar == "\"" || scalar == "\\"))
          // jansson refuses NUL.
          if scalar.value > 0 { #expect(try self.decode(encoded) == .string(String(text))) }
        }
      }
    }
  }

  @Test("long texts and long lists are whole", arguments: [16_380, 16_382, 16_384, 16_386, 100_000])
  func long(count: Int) throws {
    let value: JSON = [
      "text": .string(String(repeating: "é", count: count)), "list": .array((0..<count).map { .integer(Int64($0)) }),
      "end": true,
    ]
    #expect(try self.decode(self.encode(value)) == value)
    #expect(String(decoding: value.encoded(terminator: 0x0A).suffix(13), as: UTF8.self) == #","end":true}"# + "\n")
  }

  @Test(
    "what is not strict JSON is refused",
    arguments: [
      "", " ", "{", "{\"a\":1,}", "[1 2]", "{\"a\":1} x", "{'a':1}", "nul", "01", "+1", "1e999", "NaN",
      "99999999999999999999", "{\"a\":1,\"a\":2}", "\"\\u0000\"", "{\"\\u0000\":1}", "\"\\ud800\"", "// c\n1",
    ])
  func whatIsNotStrictJsonIs(text: String) {
    #expect(throws: JSONError.self) { try self.decode(text) }
  }

  @Test(
    "bytes that are not UTF-8, a NUL and a byte order mark are refused",
    arguments: [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0x00, 0x22], [0xEF, 0xBB, 0xBF, 0x31]])
  func bytesThatAreNotUtf8(bytes: [UInt8]) {
    #expect(throws: JSONError.self) { try JSON(decoding: bytes) }
  }

  @Test("an error names line and column") func anErrorNamesLineAndColumn() {
    #expect {
      try self.decode("{\n  \"a\": 1,\n  \"b\": x\n}")
    } throws: { error in
      (error as? JSONError)?.line == 3 && "\(error)".hasPrefix("line 3, column ")
    }
  }

  @Test("nesting is refused beyond the limit and brackets in strings do not count")
  func nestingIsRefusedBeyondTheLimit() throws {
    let deep = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
    #expect(throws: Never.self) { try self.decode(deep) }
    #expect(throws: JSONError("more than 32 arrays and objects within each other", line: 1, column: 33)) {
      try self.decode("[" + deep + "]")
    }
    #expect(throws: JSONError.self) { try self.decode(String(repeating: "{\"a\":", count: 60_000)) }
    #expect(
      try self.decode("\"\\\"\(String(repeating: "[", count: 40))\"")
        == .string("\"" + String(repeating: "[", count: 40)))
  }
}
