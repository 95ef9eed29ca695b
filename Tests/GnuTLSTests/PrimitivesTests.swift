import Testing

@testable import GnuTLS

@Suite struct PrimitivesTests {
  @Test("SHA-256 of FIPS 180-4's example")
  func hash() {
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(sha256(Array("abc".utf8)) == Vectors.bytes(hex: digest))
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    #expect(sha256([]) == Vectors.bytes(hex: empty))
  }

  @Test("HMAC-SHA-256 of RFC 4231, case 2")
  func hmac() {
    let code = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    #expect(
      hmacSHA256(key: Array("Jefe".utf8), Array("what do ya want for nothing?".utf8)) == Vectors.bytes(hex: code))
  }

  @Test("HKDF of RFC 5869, case 1")
  func hkdf() {
    let output = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    #expect(
      hkdfSHA256(
        key: .init(repeating: 0x0b, count: 22), salt: Array(0...12), info: Array(0xf0...0xf9), count: 42)
        == Vectors.bytes(hex: output))
  }

  @Test("Random bytes have the length asked for and do not repeat")
  func random() {
    #expect(randomBytes(0).isEmpty)
    #expect(randomBytes(33).count == 33)
    #expect(randomBytes(16) != randomBytes(16))
  }

  @Test("Wiping leaves zeros")
  func wiping() {
    var bytes: [UInt8] = [1, 2, 3]
    wipe(&bytes)
    #expect(bytes == [0, 0, 0])
  }

  @Test(
    "base64 of RFC 4648 §10",
    arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
  func base64(text: String, encoded: String) throws {
    #expect(base64Encode(Array(text.utf8)) == encoded)
    if !text.isEmpty { #expect(try base64Decode(encoded) == Array(text.utf8)) }
  }

  @Test("base64 has no line breaks and is read back")
  func longBase64() throws {
    let bytes = randomBytes(1_000)
    let text = base64Encode(bytes)
    #expect(text.utf8.count == 1_336 && !text.contains("\n"))
    #expect(try base64Decode(text) == bytes)
  }

  @Test(
    "What is no base64 is refused", arguments: ["", "Zg", "Zg=", "Zg= =", "Z===", "====", "Zm9v\n", "Zm9-", "é==="])
  func noBase64(text: String) {
    #expect(throws: IdentityKeyError.self) { try base64Decode(text) }
  }
}
