/// Bytes as one large number in a base that is no power of two, leading zero bytes as leading zero digits
/// (multiformats: multibase). The cost grows with the square of the size, hence the maximum.
package struct PositionalBase: Sendable {
  package static let base58btc = PositionalBase("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
  package static let base36 = PositionalBase("0123456789abcdefghijklmnopqrstuvwxyz")

  /// Largest input of `encode` (bytes) and of `decode` (characters). Peer ids have at most 46 and 75.
  package static let sizeMaximum = 128

  /// Digits that are worked on at once: five fit 32 bits in either base.
  private static let digitsPerLimb = 5

  private let alphabet: [UInt8]
  /// Digit of each character; 255 for none.
  private let digits: [UInt8]
  private let base: UInt64
  /// `base` to the power of `digitsPerLimb`.
  private let limbBase: UInt64

  private init(_ alphabet: String) {
    self.alphabet = Array(alphabet.utf8)
    var digits = [UInt8](repeating: 255, count: 256)
    for (digit, character) in alphabet.utf8.enumerated() { digits[Int(character)] = UInt8(digit) }
    self.digits = digits
    self.base = UInt64(self.alphabet.count)
    self.limbBase = (0..<Self.digitsPerLimb).reduce(1) { [base] power, _ in power * base }
  }

  package func encode(_ bytes: [UInt8]) -> String {
    // With the base as a constant nothing is divided: lists have thousands of peer ids.
    self.base == 58
      ? self.encode(bytes, base: 58, limbBase: 58 * 58 * 58 * 58 * 58)
      : self.encode(bytes, base: self.base, limbBase: self.limbBase)
  }

  @inline(__always)
  private func encode(_ bytes: [UInt8], base: UInt64, limbBase: UInt64) -> String {
    precondition(bytes.count <= Self.sizeMaximum, "too many bytes for a positional base")
    let zeros = bytes.prefix { $0 == 0 }.count
    // Least significant limb first. The bytes come in words of four, the first word with what is over.
    var limbs: [UInt64] = []
    limbs.reserveCapacity(bytes.count / 3 + 1)
    var word: UInt64 = 0
    for index in zeros..<bytes.count {
      word = word << 8 | UInt64(bytes[index])
      guard (bytes.count - index) % 4 == 1 else { continue }
      var carry = word
      for limb in limbs.indices {
        carry += limbs[limb] << 32
        limbs[limb] = carry % limbBase
        carry /= limbBase
      }
      while carry > 0 {
        limbs.append(carry % limbBase)
        carry /= limbBase
      }
      word = 0
    }
    // Least significant digit first.
    var text: [UInt8] = []
    text.reserveCapacity(limbs.count * Self.digitsPerLimb + zeros)
    for limb in limbs {
      var rest = limb
      for _ in 0..<Self.digitsPerLimb {
        text.append(self.alphabet[Int(rest % base)])
        rest /= base
      }
    }
    while text.last == self.alphabet[0] { text.removeLast() }
    for _ in 0..<zeros { text.append(self.alphabet[0]) }
    text.reverse()
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil for characters that are not in the alphabet and for more than `sizeMaximum` of them.
  package func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    guard text.count <= Self.sizeMaximum else { return nil }
    let zeros = text.prefix { $0 == self.alphabet[0] }.count
    // Least significant word of 32 bits first. The digits come in limbs, the first limb with what is over.
    var words: [UInt64] = []
    words.reserveCapacity(text.count / 4)
    var limb: UInt64 = 0
    for index in (text.startIndex + zeros)..<text.endIndex {
      let digit = self.digits[Int(text[index])]
      guard digit < 255 else { return nil }
      limb = limb * self.base + UInt64(digit)
      guard (text.endIndex - index) % Self.digitsPerLimb == 1 else { continue }
      var carry = limb
      for word in words.indices {
        carry += words[word] * self.limbBase
        words[word] = carry & 0xFFFF_FFFF
        carry >>= 32
      }
      if carry > 0 { words.append(carry) }
      limb = 0
    }
    // Least significant byte first.
    var bytes: [UInt8] = []
    bytes.reserveCapacity(words.count * 4 + zeros)
    for word in words {
      for shift in stride(from: UInt64(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }
    while bytes.last == 0 { bytes.removeLast() }
    for _ in 0..<zeros { bytes.append(0) }
    bytes.reverse()
    return bytes
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
