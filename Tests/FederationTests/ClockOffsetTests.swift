import Testing

@testable import Federation

@Suite("The offset of a remote's clock")
struct ClockOffsetTests {
  struct Row: Sendable, CustomTestStringConvertible {
    /// Ours, theirs, theirs, ours.
    let times: [UInt64]
    /// Offset and round trip; nil for times that cannot be true.
    let expected: [Int64]?

    var testDescription: String { "\(self.times)" }
  }

  private static let rows: [Row] = [
    Row(times: [1_000, 1_000, 1_000, 1_000], expected: [0, 0]),
    Row(times: [1_000, 6_010, 6_015, 1_025], expected: [5_000, 20]),
    Row(times: [10_000, 4_010, 4_010, 10_020], expected: [-6_000, 20]),
    // Rounded towards zero, both ways.
    Row(times: [0, 3, 3, 1], expected: [2, 1]),
    Row(times: [10, 8, 8, 11], expected: [-2, 1]),
    Row(times: [1 << 53 - 1, 0, 0, 1 << 53 - 1], expected: [1 - 1 << 53, 0]),
    // The remote's clock, or ours, went backwards, or the remote took longer than all of it did.
    Row(times: [1_000, 2_000, 1_999, 1_010], expected: nil),
    Row(times: [1_000, 2_000, 2_000, 999], expected: nil),
    Row(times: [1_000, 2_000, 2_011, 1_010], expected: nil),
    Row(times: [1 << 53, 0, 0, 1 << 53], expected: nil),
    Row(times: [0, .max, .max, 0], expected: nil),
  ]

  @Test("comes from four times", arguments: Self.rows)
  func sample(row: Row) {
    let sample = ClockOffset.Sample(
      sent: row.times[0], remoteReceived: row.times[1], remoteSent: row.times[2], received: row.times[3])
    #expect(sample.map { [$0.offsetMilliseconds, $0.roundTripMilliseconds] } == row.expected)
  }

  private static func sample(offset: UInt64, roundTrip: UInt64) throws -> ClockOffset.Sample {
    let arrived = 1_000 + roundTrip / 2 + offset
    return try #require(
      ClockOffset.Sample(sent: 1_000, remoteReceived: arrived, remoteSent: arrived, received: 1_000 + roundTrip))
  }

  @Test("is that of the least round trip among the last eight, the latest of several")
  func filter() throws {
    var offset = ClockOffset()
    #expect(offset.milliseconds == nil)
    offset.add(try Self.sample(offset: 50, roundTrip: 40))
    offset.add(try Self.sample(offset: 10, roundTrip: 2))
    offset.add(try Self.sample(offset: 70, roundTrip: 60))
    #expect(offset.milliseconds == 10)
    offset.add(try Self.sample(offset: 12, roundTrip: 2))
    #expect(offset.milliseconds == 12)
    for _ in 0..<7 { offset.add(try Self.sample(offset: 90, roundTrip: 80)) }
    #expect(offset.milliseconds == 12)
    offset.add(try Self.sample(offset: 91, roundTrip: 80))
    #expect(offset.milliseconds == 91)
  }
}
