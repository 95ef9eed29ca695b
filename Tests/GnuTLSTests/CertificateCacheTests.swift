import P2PCore
import Testing

@testable import GnuTLS

@Suite struct CertificateCacheTests {
  private static let now: Int64 = 1_800_000_000

  private static func certificate(validFor seconds: Int64 = 1000) throws -> [UInt8] {
    try CertificateBuilder(
      .ed25519, for: IdentityKey.generate(), validity: Self.now - 10...Self.now + seconds, flaw: nil
    ).certificate
  }

  private static func verify(
    _ cache: inout CertificateCache, _ der: [UInt8], at time: Int64
  ) throws(CertificateError) -> VerifiedCertificate {
    let answer = der.withUnsafeBytes { bytes in
      Result { () throws(CertificateError) in try cache.verify(der: bytes, now: time) }
    }
    return try answer.get()
  }

  @Test("A certificate seen before is answered the same and kept once")
  func hit() throws {
    var cache = CertificateCache()
    let der = try Self.certificate()
    let first = try Self.verify(&cache, der, at: Self.now)
    #expect(try Self.verify(&cache, der, at: Self.now) == first)
    let direct = try CertificateVerifier.verify(der: der, now: Self.now)
    #expect(first == direct)
    #expect(cache.count == 1)
  }

  @Test("An entry does not outlive its certificate")
  func expiry() throws {
    var cache = CertificateCache()
    let der = try Self.certificate(validFor: 50)
    _ = try Self.verify(&cache, der, at: Self.now)
    #expect(throws: CertificateError.expired(notAfter: Self.now + 50)) {
      try Self.verify(&cache, der, at: Self.now + 51)
    }
    #expect(cache.count == 0)
  }

  @Test("A refused certificate is not kept")
  func refusal() throws {
    var cache = CertificateCache()
    var der = try Self.certificate()
    der[der.count - 1] ^= 1
    #expect(throws: CertificateError.wrongSelfSignature) { try Self.verify(&cache, der, at: Self.now) }
    #expect(cache.count == 0)
  }

  @Test("The cache never grows beyond its capacity, and the oldest goes first")
  func eviction() throws {
    var cache = CertificateCache(capacity: 3)
    let all = try (0..<5).map { _ in try Self.certificate() }
    for (index, der) in all.enumerated() {
      _ = try Self.verify(&cache, der, at: Self.now)
      #expect(cache.count == min(index + 1, 3))
    }
    #expect(all.map { cache.contains($0) } == [false, false, true, true, true])
  }

  @Test("A slot left by an expired entry does not evict its successor")
  func slots() throws {
    var cache = CertificateCache(capacity: 2)
    let short = try Self.certificate(validFor: 50)
    let long = try Self.certificate()
    _ = try Self.verify(&cache, short, at: Self.now)
    #expect(throws: CertificateError.self) { try Self.verify(&cache, short, at: Self.now + 51) }
    #expect(cache.count == 0)
    _ = try Self.verify(&cache, short, at: Self.now)
    _ = try Self.verify(&cache, long, at: Self.now)
    #expect(cache.contains(short) && cache.contains(long))
  }

  @Test("An over-long certificate is refused before it is hashed")
  func tooLong() {
    var cache = CertificateCache()
    let bytes = [UInt8](repeating: 0, count: CertificateVerifier.bytesMax + 1)
    #expect(throws: CertificateError.tooLong(bytes: bytes.count)) { try Self.verify(&cache, bytes, at: Self.now) }
  }
}
