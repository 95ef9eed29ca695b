import P2PCore
import Testing

@testable import GnuTLS

@Suite struct CertificateVerifierTests {
  /// Within the validity of all good vectors.
  static let now: Int64 = 1_795_400_000

  static let refusals: [String: String] = [
    "mismatched-signature": "identity key's signature",
    "go bad-signature": "identity key's signature",
    "go stolen-extension": "identity key's signature",
    "go expired": "expired",
    "go not-yet-valid": "not valid before",
    "go no-extension": "no libp2p extension",
    "go garbage-extension": "libp2p extension is malformed",
    "go critical-extension": "unknown critical extension",
    "go bad-self-signature": "signature by its own key",
    "rust expired": "expired",
    "rust notyet": "not valid before",
    "rust noext": "no libp2p extension",
    "rust badsig": "identity key's signature",
    "rust badself": "signature by its own key",
    "rust critical": "unknown critical extension",
    "rust otherid": "identity key's signature",
    "rust trailing": "libp2p extension is malformed",
  ]

  @Test(
    "Certificates of the specification and of other implementations are judged right", arguments: Vectors.certificates)
  func vectors(vector: Vectors.Certificate) throws {
    do {
      let certificate = try CertificateVerifier.verify(der: vector.der, now: Self.now)
      #expect(vector.valid, "accepted although \(vector.why ?? "it is invalid")")
      #expect(certificate.peerID == PeerID(publicKey: certificate.publicKey))
      #expect(certificate.peerID.description == vector.peerId)
      #expect(certificate.notAfter > Self.now)
    } catch {
      let words = try #require(Self.refusals[vector.name], "refused: \(error)")
      #expect(error.description.contains(words))
    }
  }

  @Test("Every invalid vector has its own expectation")
  func expectationsAreComplete() {
    #expect(Set(Vectors.certificates.filter { !$0.valid }.map(\.name)) == Set(Self.refusals.keys))
    #expect(Vectors.certificates.count == 35)
  }

  @Test("The validity counts to its last second")
  func validity() throws {
    let der = try #require(Vectors.certificates.first { $0.name == "rust ed25519" }).der
    let end = try CertificateVerifier.verify(der: der, now: Self.now).notAfter
    #expect(try CertificateVerifier.verify(der: der, now: end).notAfter == end)
    #expect(throws: CertificateError.expired(notAfter: end)) { try CertificateVerifier.verify(der: der, now: end + 1) }
  }

  @Test(
    "Nothing but a certificate is a certificate", arguments: [[], [0x30], [0x30, 0x80], [0x30, 0x84, 1, 0, 0, 0]])
  func garbage(bytes: [UInt8]) {
    #expect(throws: CertificateError.self) { try CertificateVerifier.verify(der: bytes, now: Self.now) }
  }

  @Test("Bytes behind the certificate are refused")
  func trailingBytes() throws {
    let der = try #require(Vectors.certificates.first).der
    #expect(throws: CertificateError.self) { try CertificateVerifier.verify(der: der + [0], now: Self.now) }
  }

  @Test("An over-long certificate is refused before it is read")
  func tooLong() {
    let bytes = [UInt8](repeating: 0x30, count: CertificateVerifier.bytesMax + 1)
    #expect(throws: CertificateError.tooLong(bytes: bytes.count)) {
      try CertificateVerifier.verify(der: bytes, now: Self.now)
    }
  }

  @Test("20,000 damaged certificates are refused or prove the same peer, and none crashes")
  func mutations() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SplitMix64(state: seed)
    let good = try Vectors.certificates.filter(\.valid).map { vector in
      (vector.der, try CertificateVerifier.verify(der: vector.der, now: Self.now).peerID)
    }
    var accepted = 0
    for _ in 0..<20_000 {
      let (original, peer) = good[Int.random(in: good.indices, using: &generator)]
      let der = Self.damaged(original, using: &generator)
      if der == original { continue }
      guard
        case .success(let certificate) = Result(catching: { try CertificateVerifier.verify(der: der, now: Self.now) })
      else { continue }
      accepted += 1
      #expect(certificate.peerID == peer, "seed \(seed)")
    }
    // Both signatures cover nearly everything; what is left are encodings of ECDSA integers and the like.
    #expect(accepted < 20, "seed \(seed)")
  }

  @Test(
    "5,000 damaged extensions with each type of key are read or refused, and none crashes", arguments: KeyType.allCases)
  func extensionMutations(type: KeyType) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SplitMix64(state: seed)
    let key = try IdentityKey.generate(type)
    let good = Self.signedKey(key.publicKey.protobuf, key.sign([1, 2, 3]))
    let (publicKey, signature) = try CertificateVerifier.decode(good)
    #expect(publicKey == key.publicKey)
    #expect(publicKey.verify(signature: signature, of: [1, 2, 3]))
    var forged = 0
    for _ in 0..<5_000 {
      let bytes = Self.damaged(good, using: &generator)
      guard case .success((let publicKey, let signature)) = Result(catching: { try CertificateVerifier.decode(bytes) }),
        publicKey.isAcceptable, publicKey.verify(signature: signature, of: [1, 2, 3])
      else { continue }
      if publicKey != key.publicKey { forged += 1 }
    }
    #expect(forged == 0, "seed \(seed)")
  }

  /// In DER.
  private static func signedKey(_ key: [UInt8], _ signature: [UInt8]) -> [UInt8] {
    func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
      switch content.count {
      case ..<0x80: [tag, UInt8(content.count)] + content
      case ..<0x100: [tag, 0x81, UInt8(content.count)] + content
      default: [tag, 0x82, UInt8(content.count >> 8), UInt8(content.count & 0xff)] + content
      }
    }
    return element(0x30, element(0x04, key) + element(0x04, signature))
  }

  private static func damaged(_ bytes: [UInt8], using generator: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    let index = Int.random(in: bytes.indices, using: &generator)
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 1: bytes[index] = UInt8.random(in: 0...255, using: &generator)
    case 2: bytes.removeSubrange(index...)
    case 3: bytes.remove(at: index)
    case 4: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: index)
    default:
      for _ in 0..<8 {
        bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
    }
    return bytes
  }
}

/// A small generator with a seed, for tests that can be repeated.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    self.state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = self.state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
