internal import Glibc

/// Wall-clock times as the API writes them: RFC 3339, UTC, milliseconds.
enum Timestamp {
  /// Milliseconds since the Unix epoch.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// `2026-01-31T23:59:59.123Z`
  static func text(_ milliseconds: Int64) -> String {
    let day: Int64 = 86_400_000
    // Rounds down before 1970 as well.
    let days = (milliseconds >= 0 ? milliseconds : milliseconds - (day - 1)) / day
    let inDay = milliseconds - days * day
    let (year, month, date) = Self.civil(days)
    let time = "\(Self.two(inDay / 3_600_000)):\(Self.two(inDay / 60_000 % 60)):\(Self.two(inDay / 1_000 % 60))"
    return "\(Self.padded(year, 4))-\(Self.two(month))-\(Self.two(date))T\(time).\(Self.padded(inDay % 1_000, 3))Z"
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

  private static func two(_ number: Int64) -> String { self.padded(number, 2) }

  private static func padded(_ number: Int64, _ count: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits
  }
}
