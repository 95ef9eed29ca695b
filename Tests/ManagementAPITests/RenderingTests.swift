import Foundation
import Testing

@testable import ManagementAPI

@Suite struct RenderingTests {
  @Test(
    "times are RFC 3339 in UTC with milliseconds",
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (1, "1970-01-01T00:00:00.001Z"), (-1, "1969-12-31T23:59:59.999Z"),
      (951_782_400_000, "2000-02-29T00:00:00.000Z"), (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
      (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (1_769_903_999_123, "2026-01-31T23:59:59.123Z"),
    ] as [(Int64, String)])
  func times(milliseconds: Int64, text: String) {
    #expect(Timestamp.text(milliseconds) == text)
  }

  @Test("times agree with Foundation's over four centuries") func agrees() {
    let formatter = ISO8601DateFormatter()
    formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    for day in stride(from: -73_000, through: 146_000, by: 97) {
      let seconds = day * 86_400 + 12_345
      #expect(
        Timestamp.text(Int64(seconds) * 1_000) == formatter.string(from: Date(timeIntervalSince1970: Double(seconds))))
    }
  }

  @Test("base 64 agrees with Foundation's", arguments: 0..<10) func base64Text(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 83 &+ 251) }
    #expect(base64(bytes) == Data(bytes).base64EncodedString())
  }
}
