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
    for number in [major, minor, patch] {
      precondition((0...Self.numberMaximum).contains(number), "a version number out of range")
    }
    self.major = major
    self.minor = minor
    self.patch = patch
  }

  /// Nil for anything but three decimal numbers in their shortest form with a dot between them.
  package init?(_ text: String) {
    var numbers: [Int] = []
    // A fourth number or an empty one is a fault, so all parts are kept.
    for part in text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false) {
      guard let number = Self.number(part) else { return nil }
      numbers.append(number)
    }
    guard numbers.count == 3 else { return nil }
    self.init(major: numbers[0], minor: numbers[1], patch: numbers[2])
  }

  package var description: String { "\(self.major).\(self.minor).\(self.patch)" }

  package static func < (left: Self, right: Self) -> Bool {
    (left.major, left.minor, left.patch) < (right.major, right.minor, right.patch)
  }

  /// Whether both say the same on the wire.
  package func matches(_ other: SemanticVersion) -> Bool { self.major == other.major && self.minor == other.minor }

  private static func number(_ digits: some Collection<UInt8>) -> Int? {
    guard (1...6).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0") else { return nil }
    var number = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      number = number * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return number
  }
}
