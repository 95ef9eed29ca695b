/// IP addresses and ports as text: strict when read, canonical when written.
package enum IPText {
  /// Four numbers of 0 to 255 without leading zeros; nil for anything else.
  package static func ipv4(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    guard text.count <= 15 else { return nil }
    let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var address: [UInt8] = []
    for part in parts {
      guard let number = Self.decimal(part, maximum: 255) else { return nil }
      address.append(UInt8(number))
    }
    return address
  }

  /// An IPv6 address in any form of RFC 4291 §2.2, without a zone; nil for anything else.
  package static func ipv6(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    let colon = UInt8(ascii: ":")
    guard text.count <= 45 else { return nil }
    var rest = text
    var address: [UInt8] = []
    var gap: Int?
    if rest.starts(with: [colon, colon]) {
      gap = 0
      rest = rest.dropFirst(2)
    } else if rest.isEmpty {
      return nil
    }
    while !rest.isEmpty {
      let group = rest.prefix { $0 != colon }
      rest = rest.dropFirst(group.count)
      if group.contains(UInt8(ascii: ".")) {
        guard rest.isEmpty, let tail = Self.ipv4(group) else { return nil }
        address += tail
      } else {
        guard let number = Self.hexadecimal(group) else { return nil }
        address += [UInt8(number >> 8), UInt8(truncatingIfNeeded: number)]
      }
      guard address.count <= 16 else { return nil }
      guard rest.popFirst() != nil else { break }
      // A colon stands between two groups; a second one is the gap.
      guard let next = rest.first else { return nil }
      if next == colon {
        guard gap == nil else { return nil }
        gap = address.count
        rest = rest.dropFirst()
      }
    }
    guard let gap else { return address.count == 16 ? address : nil }
    guard address.count <= 14 else { return nil }
    address.insert(contentsOf: [UInt8](repeating: 0, count: 16 - address.count), at: gap)
    return address
  }

  /// 0 to 65535 without leading zeros; nil for anything else.
  package static func port(_ text: ArraySlice<UInt8>) -> UInt16? {
    Self.decimal(text, maximum: 65_535).map { UInt16($0) }
  }

  /// Dotted decimal of 4 bytes, RFC 5952 of 16.
  package static func format(_ address: some Collection<UInt8>) -> String {
    var text: [UInt8] = []
    Self.append(Array(address)[...], to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  static func append(_ address: ArraySlice<UInt8>, to text: inout [UInt8]) {
    guard address.count == 16 else {
      for (index, byte) in address.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ".")) }
        Self.append(decimal: UInt16(byte), to: &text)
      }
      return
    }
    if address.starts(with: Self.mappedPrefix) {
      text += "::ffff:".utf8
      return Self.append(address.suffix(4), to: &text)
    }
    text += Self.ipv6(Array(address)).utf8
  }

  static func append(decimal number: UInt16, to text: inout [UInt8]) {
    if number >= 10 { Self.append(decimal: number / 10, to: &text) }
    text.append(UInt8(ascii: "0") + UInt8(number % 10))
  }

  private static func ipv6(_ bytes: [UInt8]) -> String {
    let groups = (0..<8).map { UInt16(bytes[2 * $0]) << 8 | UInt16(bytes[2 * $0 + 1]) }
    let zeros = Self.longestZeroRun(groups)
    let text = { (range: Range<Int>) in groups[range].map { String($0, radix: 16) }.joined(separator: ":") }
    return zeros.isEmpty ? text(0..<8) : text(0..<zeros.lowerBound) + "::" + text(zeros.upperBound..<8)
  }

  /// `::ffff:0:0/96`, IPv4 in IPv6 form (RFC 4291 §2.5.5.2).
  static let mappedPrefix: [UInt8] = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF]

  /// Decimal digits without a leading zero; nil above `maximum`.
  static func decimal(_ text: ArraySlice<UInt8>, maximum: Int) -> Int? {
    guard let first = text.first, text.count <= 5, text.count == 1 || first != UInt8(ascii: "0") else { return nil }
    var number = 0
    for character in text {
      guard character >= UInt8(ascii: "0"), character <= UInt8(ascii: "9") else { return nil }
      number = number * 10 + Int(character - UInt8(ascii: "0"))
    }
    return number <= maximum ? number : nil
  }

  /// One to four hexadecimal digits.
  private static func hexadecimal(_ text: ArraySlice<UInt8>) -> UInt16? {
    guard (1...4).contains(text.count) else { return nil }
    var number: UInt16 = 0
    for character in text {
      switch character {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt16(character - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt16(character - UInt8(ascii: "a") + 10)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): number = number << 4 | UInt16(character - UInt8(ascii: "A") + 10)
      default: return nil
      }
    }
    return number
  }

  /// The first of the longest runs of at least two zero groups (RFC 5952 §4.2); empty when there is none.
  private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int> {
    var longest = 0..<1
    var start = 0
    for index in 0...groups.count where index == groups.count || groups[index] != 0 {
      if index - start > longest.count { longest = start..<index }
      start = index + 1
    }
    return longest.count > 1 ? longest : 0..<0
  }
}
