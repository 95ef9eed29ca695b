/// One line of the log, before it is written.
///
/// Whatever a peer put into a message or a value stays within its quotes and within the line: control characters and
/// those that turn the direction of text are escaped, and long texts are cut.
struct LogLine {
  /// Longest message and value, UTF-8 bytes; what is beyond is replaced by `…`.
  static let textBytesMax = 2_048
  /// Most fields of a line; further ones are left out.
  static let fieldsMax = 32

  /// Milliseconds since the Unix epoch.
  let time: Int64
  let level: LogLevel
  let subsystem: String
  let message: String
  let fields: [(String, String)]

  /// Ends in a newline.
  func bytes(_ format: LogFormat) -> [UInt8] {
    var line = ""
    switch format {
    case .text: self.writeText(&line)
    case .json: self.writeJSON(&line)
    }
    line += "\n"
    return Array(line.utf8)
  }

  private func writeText(_ line: inout String) {
    line += "\(timestamp(self.time)) \(self.level.name.uppercased())"
    // The longest name, so that messages stand in one column.
    for _ in self.level.name.utf8.count..<8 { line += " " }
    line += " \(self.subsystem): "
    Self.escape(Self.cut(self.message), into: &line, unicode: { "\\u{\(String($0, radix: 16))}" }, quote: false)
    for (key, value) in self.fields.prefix(Self.fieldsMax) {
      line += " \(key)="
      if Self.isBare(value) {
        line += Self.cut(value)
      } else {
        line += "\""
        Self.escape(Self.cut(value), into: &line, unicode: { "\\u{\(String($0, radix: 16))}" }, quote: true)
        line += "\""
      }
    }
  }

  private func writeJSON(_ line: inout String) {
    line += "{\"time\":\"\(timestamp(self.time))\",\"level\":\"\(self.level.name)\""
    Self.writeMember("subsystem", self.subsystem, into: &line)
    Self.writeMember("message", self.message, into: &line)
    var used: Set<String> = ["time", "level", "subsystem", "message"]
    for (key, value) in self.fields.prefix(Self.fieldsMax) {
      // A name stands once in an object.
      var name = key
      while !used.insert(name).inserted { name += "_" }
      Self.writeMember(name, value, into: &line)
    }
    line += "}"
  }

  private static func writeMember(_ name: String, _ value: String, into line: inout String) {
    line += ",\""
    Self.escape(name, into: &line, unicode: Self.jsonEscape, quote: true)
    line += "\":\""
    Self.escape(Self.cut(value), into: &line, unicode: Self.jsonEscape, quote: true)
    line += "\""
  }

  /// All that is escaped by number is below U+FFFF.
  private static func jsonEscape(_ scalar: UInt32) -> String {
    let digits = String(scalar, radix: 16)
    return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
  }

  private static func escape(
    _ text: String, into line: inout String, unicode: (UInt32) -> String, quote: Bool
  ) {
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": line += "\\n"
      case "\r": line += "\\r"
      case "\t": line += "\\t"
      case "\"" where quote, "\\" where quote: line += "\\\(scalar)"
      case _ where Self.isDangerous(scalar): line += unicode(scalar.value)
      default: line.unicodeScalars.append(scalar)
      }
    }
  }

  /// Controls, line separators and direction marks.
  private static func isDangerous(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00..<0x20, 0x7f..<0xa0, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069: true
    default: false
    }
  }

  private static func isBare(_ value: String) -> Bool {
    !value.isEmpty && value.utf8.count <= Self.textBytesMax
      && value.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
  }

  private static func cut(_ text: String) -> String {
    if text.utf8.count <= Self.textBytesMax { return text }
    return String(decoding: text.utf8.prefix(Self.textBytesMax), as: UTF8.self) + "…"
  }
}

/// RFC 3339 in UTC with milliseconds.
///
/// - Parameter milliseconds: since the Unix epoch.
func timestamp(_ milliseconds: Int64) -> String {
  func padded(_ number: Int64, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
  let secondsPerDay: Int64 = 86_400
  let seconds = (milliseconds - modulo(milliseconds, 1000)) / 1000
  let second = modulo(seconds, secondsPerDay)
  let (year, month, day) = civilDate((seconds - second) / secondsPerDay)
  return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    + "T\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
    + ".\(padded(modulo(milliseconds, 1000), 3))Z"
}

/// Never negative, unlike `%`.
private func modulo(_ value: Int64, _ divisor: Int64) -> Int64 {
  let rest = value % divisor
  return rest < 0 ? rest + divisor : rest
}

/// The Gregorian date of a day counted from 1970-01-01.
private func civilDate(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
  // Years counted from March end with the leap day, and 400 of them, an era, always have the same number of days.
  let daysPerEra: Int64 = 146_097
  let shifted = days + 719_468
  let dayOfEra = modulo(shifted, daysPerEra)
  let era = (shifted - dayOfEra) / daysPerEra
  let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
  let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  let monthFromMarch = (5 * dayOfYear + 2) / 153
  let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
  return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
}
