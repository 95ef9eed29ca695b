internal import Glibc

/// Wall-clock times as the API writes them: RFC 3339, UTC, milliseconds.
enum Timestamp {
  /// Milliseconds since the Unix epoch.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// Since an arbitrary moment; never runs backwards.
  static func monotonic() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }

  /// `2026-01-31T23:59:59.123Z`
  static func text(_ milliseconds: Int64) -> String {
    let day: Int64 = 86_400_000
    // Rounds down before 1970 as well.
    let days = (milliseconds >= 0 ? milliseconds : milliseconds - (day - 1)) / day
    let inDay = milliseconds - days * day
    let (year, month, date) = Self.civil(days)
    // Lists have thousands of these, so without a string for each part.
    return String(unsafeUninitializedCapacity: 32) { buffer in
      var count = 0
      func put(_ number: Int64, digits: Int, then separator: Unicode.Scalar) {
        var rest = number
        for index in (0..<digits).reversed() {
          buffer[count + index] = UInt8(ascii: "0") + UInt8(rest % 10)
          rest /= 10
        }
        buffer[count + digits] = UInt8(ascii: separator)
        count += digits + 1
      }
      // RFC 3339 has years of four digits; a clock that is beyond them is wrong anyway.
      put(min(max(year, 0), 9_999), digits: 4, then: "-")
      put(month, digits: 2, then: "-")
      put(date, digits: 2, then: "T")
      put(inDay / 3_600_000, digits: 2, then: ":")
      put(inDay / 60_000 % 60, digits: 2, then: ":")
      put(inDay / 1_000 % 60, digits: 2, then: ".")
      put(inDay % 1_000, digits: 3, then: "Z")
      return count
    }
  }

  /// The proleptic Gregorian date of a day counted from 1970-01-01. Years are taken to begin on 1 March, so that
  /// the leap day is their last, in eras of 400 years.
  private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
  }
}
