import Foundation
import Testing

@testable import Logging

@Suite struct LogLineTests {
  /// 2026-11-22T20:05:06.007Z
  private static let time: Int64 = 1_795_377_906_007

  private static func line(
    _ message: String, _ fields: [(String, String)] = [], _ format: LogFormat
  ) -> String {
    let line = LogLine(time: Self.time, level: .info, subsystem: "quic", message: message, fields: fields)
    return String(decoding: line.bytes(format), as: UTF8.self)
  }

  @Test("A text line has time, level, subsystem, message and fields")
  func text() {
    #expect(
      Self.line("connected", [("peer", "12D3"), ("reason", "no answer"), ("empty", "")], .text)
        == "2026-11-22T20:05:06.007Z INFO     quic: connected peer=12D3 reason=\"no answer\" empty=\"\"\n")
  }

  @Test("A JSON line is one object with the same")
  func json() {
    #expect(
      Self.line("connected", [("peer", "12D3"), ("rtt_ms", "5")], .json)
        == "{\"time\":\"2026-11-22T20:05:06.007Z\",\"level\":\"info\",\"subsystem\":\"quic\","
        + "\"message\":\"connected\",\"peer\":\"12D3\",\"rtt_ms\":\"5\"}\n")
  }

  @Test(
    "Hostile text stays in its line and its quotes",
    arguments: ["a\nINFO forged", "\u{1b}[2J", "\" x=\"", "\\", "\u{202e}abc", "\u{85}\u{2028}", "\0", "é日本😀", "\r\n"])
  func hostile(value: String) throws {
    let text = Self.line(value, [("value", value)], .text)
    #expect(text.unicodeScalars.filter { $0 == "\n" }.count == 1)
    #expect(!text.dropLast().unicodeScalars.contains { $0.value < 0x20 || (0x7f..<0xa0).contains($0.value) })
    #expect(!text.unicodeScalars.contains { (0x2028...0x202e).contains($0.value) })

    let json = Self.line(value, [("value", value)], .json)
    #expect(json.unicodeScalars.filter { $0 == "\n" }.count == 1)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String])
    #expect(object["message"] == value)
    #expect(object["value"] == value)
  }

  @Test("Field names that are taken get a mark, so that a JSON object has each name once")
  func names() throws {
    let json = Self.line("m", [("message", "a"), ("x", "b"), ("x", "c")], .json)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String])
    #expect(object["message"] == "m")
    #expect(object["message_"] == "a")
    #expect(object["x"] == "b")
    #expect(object["x_"] == "c")
  }

  @Test("Long texts and many fields are cut", arguments: LogFormat.allCases)
  func bounds(format: LogFormat) {
    let long = String(repeating: "é", count: 10_000)
    let fields = (0..<100).map { ("f\($0)", long) }
    let line = Self.line(long, fields, format)
    #expect(line.utf8.count < (LogLine.fieldsMax + 1) * (LogLine.textBytesMax + 32))
    #expect(line.contains("f31") && !line.contains("f32"))
    #expect(line.contains("…"))
  }

  @Test(
    "Times are RFC 3339",
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
      (1_709_251_199_999, "2024-02-29T23:59:59.999Z"), (1_709_251_200_000, "2024-03-01T00:00:00.000Z"),
      (4_102_444_799_001, "2099-12-31T23:59:59.001Z"), (-1, "1969-12-31T23:59:59.999Z"),
    ])
  func times(milliseconds: Int64, text: String) {
    #expect(timestamp(milliseconds) == text)
  }
}
