/// A version of a protocol, `1.3.0`: three numbers (semver.org 2.0.0 §2), no pre-release and no build.
package struct SemanticVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// Largest number in each place.
  package static let numberMaximum = 999_999

  /// Versions that differ in it do not understand each other.
  package let major: Int
  /// Higher ones understand lower ones.
  package let minor: Int
  /// Changes nothing on the wire.
  package let patch: Int

  /// Each number from 0 to `numberMaximum`.
  package init(major: Int, minor: Int, patch: Int) {
    let range = 0...Self.numberMaximum
    precondition(
      range.contains(major) && range.contains(minor) && range.contains(patch), "a version number out of range")
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  /// Nil for anything but three decimal numbers in their shortest form with a dot between them.
  package init?(_ text: String) {
    var text = text
    guard let version = text.withUTF8({ Self(utf8: $0) }) else { return nil }
    self = version
  }

  /// As `init(_:)`, of the text's bytes. Without an allocation: every handshake of a stream reads some.
  package init?(utf8 text: UnsafeBufferPointer<UInt8>) {
    var numbers = (0, 0, 0)
    var dots = 0
    var digits = 0
    for byte in text {
      if byte == UInt8(ascii: ".") {
        guard dots < 2, digits > 0 else { return nil }
        dots += 1
        digits = 0
        numbers = (numbers.1, numbers.2, 0)
        continue
      }
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits < 6, digits == 0 || numbers.2 > 0 else {
        return nil
      }
      digits += 1
      numbers.2 = numbers.2 * 10 + Int(byte - UInt8(ascii: "0"))
    }
    guard dots == 2, digits > 0 else { return nil }
    self.init(major: numbers.0, minor: numbers.1, patch: numbers.2)
  }

  package var description: String {
    // No more than is needed: a short text has no memory of its own.
    let digits = Self.digits(self.major) + Self.digits(self.minor) + Self.digits(self.patch)
    return String(unsafeUninitializedCapacity: digits + 2) { text in
      var end = 0
      Self.write(self.major, to: text, at: &end)
      Self.writeDot(to: text, at: &end)
      Self.write(self.minor, to: text, at: &end)
      Self.writeDot(to: text, at: &end)
      Self.write(self.patch, to: text, at: &end)
      return end
    }
  }

  package static func < (left: Self, right: Self) -> Bool {
    (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
  }

  /// Whether both say the same on the wire.
  package func matches(_ other: SemanticVersion) -> Bool { self.major == other.major && self.minor == other.minor }

  /// Of `others` that say the same on the wire, the highest.
  package func best(matchIn others: [SemanticVersion]) -> SemanticVersion? {
    var best: SemanticVersion?
    for other in others where self.matches(other) { best = max(best ?? other, other) }
    return best
  }

  private static func writeDot(to text: UnsafeMutableBufferPointer<UInt8>, at end: inout Int) {
    text[end] = UInt8(ascii: ".")
    end += 1
  }

  private static func digits(_ number: Int) -> Int {
    var (digits, bound) = (1, 10)
    while bound <= number {
      digits += 1
      bound *= 10
    }
    return digits
  }

  /// Writes `number`, of at most six digits, at `end` and moves `end` behind it.
  private static func write(_ number: Int, to text: UnsafeMutableBufferPointer<UInt8>, at end: inout Int) {
    var divisor = 1
    while divisor * 10 <= number { divisor *= 10 }
    while divisor > 0 {
      text[end] = UInt8(ascii: "0") + UInt8(number / divisor % 10)
      end += 1
      divisor /= 10
    }
  }
}
