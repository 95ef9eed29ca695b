/// Bytes as one large number in a base that is no power of two, leading zero bytes as leading zero digits
/// (multiformats: multibase). The cost grows with the square of the size, hence the maximum.
package struct PositionalBase: Sendable {
  package static let base58btc = PositionalBase("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
  package static let base36 = PositionalBase("0123456789abcdefghijklmnopqrstuvwxyz")

  /// Largest input of `encode` (bytes) and of `decode` (characters). Peer ids have at most 46 and 75.
  package static let sizeMaximum = 128

  private let alphabet: [UInt8]
  /// Digit of each character; 255 for none.
  private let digits: [UInt8]

  private init(_ alphabet: String) {
    self.alphabet = Array(alphabet.utf8)
    var digits = [UInt8](repeating: 255, count: 256)
    for (digit, character) in alphabet.utf8.enumerated() { digits[Int(character)] = UInt8(digit) }
    self.digits = digits
  }

  package func encode(_ bytes: [UInt8]) -> String {
    precondition(bytes.count <= Self.sizeMaximum, "too many bytes for a positional base")
    let zeros = bytes.prefix { $0 == 0 }.count
    // Least significant digit first.
    var number: [UInt8] = []
    number.reserveCapacity(bytes.count * 2)
    for byte in bytes[zeros...] {
      var carry = Int(byte)
      for index in number.indices {
        carry += Int(number[index]) << 8
        number[index] = UInt8(carry % self.alphabet.count)
        carry /= self.alphabet.count
      }
      while carry > 0 {
        number.append(UInt8(carry % self.alphabet.count))
        carry /= self.alphabet.count
      }
    }
    var text = [UInt8](repeating: self.alphabet[0], count: zeros)
    for digit in number.reversed() { text.append(self.alphabet[Int(digit)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil for characters that are not in the alphabet and for more than `sizeMaximum` of them.
  package func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    guard text.count <= Self.sizeMaximum else { return nil }
    let zeros = text.prefix { $0 == self.alphabet[0] }.count
    // Least significant byte first.
    var number: [UInt8] = []
    number.reserveCapacity(text.count)
    for character in text.dropFirst(zeros) {
      var carry = Int(self.digits[Int(character)])
      guard carry < 255 else { return nil }
      for index in number.indices {
        carry += Int(number[index]) * self.alphabet.count
        number[index] = UInt8(truncatingIfNeeded: carry)
        carry >>= 8
      }
      if carry > 0 { number.append(UInt8(carry)) }
    }
    return [UInt8](repeating: 0, count: zeros) + number.reversed()
  }
}

/// RFC 4648 base32 in lower case without padding (multibase `b`).
package enum Base32 {
  private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

  package static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 8 + 4) / 5)
    var buffer: UInt32 = 0
    var bits = 0
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits += 8
      while bits >= 5 {
        bits -= 5
        text.append(self.alphabet[Int(buffer >> UInt32(bits) & 31)])
      }
    }
    if bits > 0 { text.append(self.alphabet[Int(buffer << UInt32(5 - bits) & 31)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil for foreign characters, for a length that no bytes have, and for unused bits that are set: each value
  /// has one text.
  package static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count * 5 / 8)
    var buffer: UInt32 = 0
    var bits = 0
    for character in text {
      let digit: UInt8
      switch character {
      case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = character - UInt8(ascii: "a")
      case UInt8(ascii: "2")...UInt8(ascii: "7"): digit = character - UInt8(ascii: "2") + 26
      default: return nil
      }
      buffer = (buffer << 5 | UInt32(digit)) & 0xFFF
      bits += 5
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
      }
    }
    guard bits < 5, buffer & (1 << UInt32(bits) - 1) == 0 else { return nil }
    return bytes
  }
}
