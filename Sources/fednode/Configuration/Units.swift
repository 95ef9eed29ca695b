/// Reads a whole number with a unit: `250ms`, `10s`, `5m`, `1h`. Nil for anything else, and for what overflows.
func parseDuration(_ text: String) -> Duration? {
  let digits = text.prefix { $0.isASCII && $0.isNumber }
  guard let number = Int64(digits), number <= 1_000_000_000 else { return nil }
  switch text.dropFirst(digits.count) {
  case "ms": return .milliseconds(number)
  case "s": return .seconds(number)
  case "m": return .seconds(number * 60)
  case "h": return .seconds(number * 3_600)
  default: return nil
  }
}

/// In the largest unit that leaves a whole number.
func durationText(_ duration: Duration) -> String {
  let (seconds, attoseconds) = duration.components
  let milliseconds = attoseconds / 1_000_000_000_000_000
  if milliseconds != 0 { return "\(seconds * 1000 + milliseconds)ms" }
  if seconds != 0, seconds % 3_600 == 0 { return "\(seconds / 3_600)h" }
  if seconds != 0, seconds % 60 == 0 { return "\(seconds / 60)m" }
  return "\(seconds)s"
}

/// As `parseSize` reads it, in the largest binary unit that needs no fraction.
func sizeText(_ bytes: UInt64) -> String {
  for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes != 0 && bytes & ((1 << shift) - 1) == 0 {
    return "\(bytes >> shift)\(unit)"
  }
  return "\(bytes)B"
}

/// Reads bytes: `1000`, `64KiB`, `10MiB`, `1GiB`, `10MB`. Nil for anything else, and for what overflows.
func parseSize(_ text: String) -> UInt64? {
  let digits = text.prefix { $0.isASCII && $0.isNumber }
  let units: [Substring: UInt64] = [
    "": 1, "B": 1, "kB": 1_000, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000, "KiB": 1 << 10, "MiB": 1 << 20,
    "GiB": 1 << 30,
  ]
  guard let number = UInt64(digits), let unit = units[text.dropFirst(digits.count)] else { return nil }
  let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
  return overflow ? nil : bytes
}
