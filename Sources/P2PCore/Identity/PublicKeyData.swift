/// Checks the bytes of a public key as far as that needs no arithmetic on curves.
enum PublicKeyData {
  /// Sizes of RSA keys, bits: the least that libp2p takes, and the most that go-libp2p takes.
  static let rsaBitsMinimum = 2_048
  static let rsaBitsMaximum = 8_192

  static func check(_ type: KeyType, _ data: [UInt8]) throws(KeyError) {
    switch type {
    case .ed25519:
      guard data.count == 32 else { throw KeyError("an ed25519 public key has 32 bytes, not \(data.count)") }
    case .secp256k1:
      guard data.count == 33 else {
        throw KeyError("a compressed secp256k1 public key has 33 bytes, not \(data.count)")
      }
      guard data[0] == 2 || data[0] == 3, data[1...].lexicographicallyPrecedes(self.secp256k1Prime) else {
        throw KeyError("not a compressed secp256k1 public key")
      }
    case .ecdsa:
      guard self.ecdsaForms.contains(where: { $0.size == data.count && data.starts(with: $0.prefix) }) else {
        throw KeyError("not a SubjectPublicKeyInfo of an uncompressed point of P-256, P-384 or P-521")
      }
    case .rsa:
      guard let bits = self.rsaBits(data) else { throw KeyError("not a SubjectPublicKeyInfo of an RSA key") }
      guard bits >= self.rsaBitsMinimum && bits <= self.rsaBitsMaximum else {
        throw KeyError("an RSA key of \(bits) bits; \(self.rsaBitsMinimum) to \(self.rsaBitsMaximum) are taken")
      }
    }
  }

  /// 2^256 - 2^32 - 977, the field of secp256k1 (SEC 2 §2.4.1).
  private static let secp256k1Prime: [UInt8] =
    [UInt8](repeating: 0xFF, count: 27) + [0xFE, 0xFF, 0xFF, 0xFC, 0x2F]

  /// SubjectPublicKeyInfo has one DER form for each curve: a fixed start, then both coordinates (RFC 5480).
  private static let ecdsaForms: [(prefix: [UInt8], size: Int)] = [
    (
      [0x30, 0x59, 0x30, 0x13] + Self.ecPublicKey
        + [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04],
      91
    ),
    (
      [0x30, 0x76, 0x30, 0x10] + Self.ecPublicKey
        + [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00, 0x04],
      120
    ),
    (
      [0x30, 0x81, 0x9B, 0x30, 0x10] + Self.ecPublicKey
        + [0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00, 0x04],
      158
    ),
  ]

  /// OBJECT IDENTIFIER 1.2.840.10045.2.1.
  private static let ecPublicKey: [UInt8] = [0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01]

  /// AlgorithmIdentifier of rsaEncryption with its NULL (RFC 3279 §2.3.1).
  private static let rsaEncryption: [UInt8] = [
    0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
  ]

  /// Size of the modulus; nil when `data` is not exactly one SubjectPublicKeyInfo of an RSA key.
  private static func rsaBits(_ data: [UInt8]) -> Int? {
    var outer = data[...]
    guard var info = self.element(0x30, &outer), outer.isEmpty, info.starts(with: self.rsaEncryption) else {
      return nil
    }
    info = info.dropFirst(self.rsaEncryption.count)
    guard var string = self.element(0x03, &info), info.isEmpty, string.popFirst() == 0,
      var key = self.element(0x30, &string), string.isEmpty,
      let modulus = self.positiveInteger(&key), self.positiveInteger(&key) != nil, key.isEmpty
    else { return nil }
    return modulus.count * 8 - modulus[modulus.startIndex].leadingZeroBitCount
  }

  /// Magnitude of a DER INTEGER above zero, in its shortest form.
  private static func positiveInteger(_ bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard let value = self.element(0x02, &bytes), let first = value.first, first < 0x80 else { return nil }
    guard first == 0 else { return value }
    let magnitude = value.dropFirst()
    guard let second = magnitude.first, second >= 0x80 else { return nil }
    return magnitude
  }

  /// Takes one DER element with `tag` off the front of `bytes`; its length is in the shortest form, at most 65,535.
  private static func element(_ tag: UInt8, _ bytes: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard bytes.popFirst() == tag, let first = bytes.popFirst() else { return nil }
    var length = Int(first)
    switch first {
    case 0..<0x80: break
    case 0x81:
      guard let low = bytes.popFirst(), low >= 0x80 else { return nil }
      length = Int(low)
    case 0x82:
      guard let high = bytes.popFirst(), high > 0, let low = bytes.popFirst() else { return nil }
      length = Int(high) << 8 | Int(low)
    default: return nil
    }
    guard length <= bytes.count else { return nil }
    let value = bytes.prefix(length)
    bytes = bytes.dropFirst(length)
    return value
  }
}
