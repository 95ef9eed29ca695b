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
    String(unsafeUninitializedCapacity: Self.textBytes) { Self.write(milliseconds, to: $0.baseAddress!) }
  }

  /// Of a time as text.
  static let textBytes = 24

  /// Writes the text to `buffer`, which has room for it, and answers its size: lists have thousands of these.
  static func write(_ milliseconds: Int64, to buffer: UnsafeMutablePointer<UInt8>) -> Int {
    let day: Int64 = 86_400_000
    // Rounds down before 1970 as well.
    let days = (milliseconds >= 0 ? milliseconds : milliseconds - (day - 1)) / day
    let inDay = milliseconds - days * day
    let (year, month, date) = Self.civil(days)
    func put(_ number: Int64, digits: Int, at place: Int, then separator: Unicode.Scalar) {
      var rest = UInt32(truncatingIfNeeded: number)
      for index in (place..<place + digits).reversed() {
        buffer[index] = UInt8(ascii: "0") + UInt8(rest % 10)
        rest /= 10
      }
      buffer[place + digits] = UInt8(ascii: separator)
    }
    // RFC 3339 has years of four digits; a clock that is beyond them is wrong anyway.
    put(min(max(year, 0), 9_999), digits: 4, at: 0, then: "-")
    put(month, digits: 2, at: 5, then: "-")
    put(date, digits: 2, at: 8, then: "T")
    put(inDay / 3_600_000, digits: 2, at: 11, then: ":")
    put(inDay / 60_000 % 60, digits: 2, at: 14, then: ":")
    put(inDay / 1_000 % 60, digits: 2, at: 17, then: ".")
    put(inDay % 1_000, digits: 3, at: 20, then: "Z")
    return Self.textBytes
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

extension Timestamp {
  /// Reads RFC 3339 in UTC, with or without a fraction: `2026-01-31T23:59:59Z`. Milliseconds since the Unix epoch; nil
  /// for anything else.
  static func parse(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.count <= 30, bytes.last == UInt8(ascii: "Z") else { return nil }
    func number(_ range: Range<Int>) -> Int64? {
      var value: Int64 = 0
      for byte in bytes[range] {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
      }
      return value
    }
    let separators: [(Int, Unicode.Scalar)] = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")]
    guard separators.allSatisfy({ bytes[$0.0] == UInt8(ascii: $0.1) }),
      let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
      let minute = number(14..<16), let second = number(17..<19), (1...12).contains(month), (1...31).contains(day),
      hour < 24, minute < 60, second < 60
    else { return nil }
    var milliseconds: Int64 = 0
    if bytes.count > 20 {
      guard bytes[19] == UInt8(ascii: "."), bytes.count > 21, let fraction = number(20..<bytes.count - 1) else {
        return nil
      }
      var scale = bytes.count - 21
      milliseconds = fraction
      while scale < 3 { (milliseconds, scale) = (milliseconds * 10, scale + 1) }
      while scale > 3 { (milliseconds, scale) = (milliseconds / 10, scale - 1) }
    }
    // Days of the civil date, with years that begin on 1 March as in `text`.
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
    let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    let time = ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1_000 + milliseconds
    // The 30th of February and its like come out as another day.
    return Self.text(time).hasPrefix(text.prefix(19)) ? time : nil
  }
}
