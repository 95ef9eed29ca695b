internal import CGnuTLS
package import P2PCore

/// What a peer's certificate proves.
package struct VerifiedCertificate: Sendable, Hashable {
  package let peerID: PeerID
  package let publicKey: PublicKey
  /// Unix seconds; the certificate is good until then.
  package let notAfter: Int64
}

/// Authenticates a peer by its self-signed certificate (libp2p specs: tls). No chain of trust is involved: the
/// certificate's key signs the certificate, and the identity key in its extension signs the certificate's key.
package enum CertificateVerifier {
  package static let extensionOID = "1.3.6.1.4.1.53594.1.1"
  /// An RSA 8192 certificate with an RSA 8192 identity has under 6 kB.
  package static let bytesMax = 16_384
  static let signaturePrefix = Array("libp2p-tls-handshake:".utf8)

  private static let extensionsMax: UInt32 = 32
  /// Critical extensions that say nothing against this use: subjectAltName, keyUsage, basicConstraints, extKeyUsage.
  private static let knownCritical = ["2.5.29.17", "2.5.29.15", "2.5.29.19", "2.5.29.37"]
  /// What the certificate itself may be signed with. SHA-1 and MD5 are out.
  private static let selfSignatures: [gnutls_sign_algorithm_t] = [
    GNUTLS_SIGN_EDDSA_ED25519, GNUTLS_SIGN_ECDSA_SHA256, GNUTLS_SIGN_ECDSA_SHA384, GNUTLS_SIGN_ECDSA_SHA512,
    GNUTLS_SIGN_RSA_SHA256, GNUTLS_SIGN_RSA_SHA384, GNUTLS_SIGN_RSA_SHA512, GNUTLS_SIGN_RSA_PSS_SHA256,
    GNUTLS_SIGN_RSA_PSS_SHA384, GNUTLS_SIGN_RSA_PSS_SHA512,
  ]

  /// Checks one certificate.
  ///
  /// - Parameter der: the only certificate that the peer sent; any bytes at all.
  /// - Parameter now: Unix seconds.
  package static func verify(
    der: UnsafeRawBufferPointer, now: Int64
  ) throws(CertificateError) -> VerifiedCertificate {
    guard der.count <= Self.bytesMax else { throw .tooLong(bytes: der.count) }
    return try Self.verify(der: Array(der), now: now)
  }

  /// Checks one certificate.
  package static func verify(der: [UInt8], now: Int64) throws(CertificateError) -> VerifiedCertificate {
    guard der.count <= Self.bytesMax else { throw .tooLong(bytes: der.count) }
    let parts = try CertificateParts(der)
    let certificate = try ParsedCertificate(der)
    let notAfter = try certificate.checkTimes(now: now)
    let signedKey = try certificate.signedKey(
      oid: Self.extensionOID, knownCritical: Self.knownCritical, extensionsMax: Self.extensionsMax)

    guard let key = PublicKeyHandle(subjectPublicKeyInfo: parts.subjectPublicKeyInfo) else {
      throw .unacceptableKey("not RSA of 2048 to 8192 bits, ECDSA on a NIST curve or Ed25519")
    }
    let algorithm = certificate.signatureAlgorithm
    guard Self.selfSignatures.contains(algorithm),
      key.verify(algorithm, signature: parts.signature, of: parts.toBeSigned)
    else { throw .wrongSelfSignature }

    let (publicKey, hostSignature) = try Self.decode(signedKey)
    guard publicKey.isAcceptable else {
      throw .unacceptableKey("the \(publicKey.type.name) identity key in the extension")
    }
    guard publicKey.verify(signature: hostSignature, of: Self.signaturePrefix + parts.subjectPublicKeyInfo) else {
      throw .wrongHostSignature
    }
    return VerifiedCertificate(peerID: PeerID(publicKey: publicKey), publicKey: publicKey, notAfter: notAfter)
  }

  /// `SignedKey ::= SEQUENCE { publicKey OCTET STRING, signature OCTET STRING }`, in DER, nothing behind it.
  package static func decode(
    _ bytes: [UInt8]
  ) throws(CertificateError) -> (key: PublicKey, signature: [UInt8]) {
    guard let sequence = DERReader.only(DERReader.sequence, in: bytes) else {
      throw .malformedExtension("not exactly one SEQUENCE")
    }
    var reader = DERReader(bytes, inside: sequence)
    guard let key = reader.read(DERReader.octetString), let signature = reader.read(DERReader.octetString),
      reader.isAtEnd
    else { throw .malformedExtension("not exactly two OCTET STRINGs") }
    let publicKey: PublicKey
    do {
      publicKey = try PublicKey(protobuf: Array(bytes[key.content]))
    } catch {
      throw .malformedExtension(error.description)
    }
    return (publicKey, Array(bytes[signature.content]))
  }
}

/// The parts of a certificate that signatures cover or are, byte for byte as received (RFC 5280 §4.1).
private struct CertificateParts {
  let toBeSigned: [UInt8]
  let subjectPublicKeyInfo: [UInt8]
  let signature: [UInt8]

  init(_ der: [UInt8]) throws(CertificateError) {
    guard let certificate = DERReader.only(DERReader.sequence, in: der) else {
      throw .malformed("not exactly one SEQUENCE")
    }
    var reader = DERReader(der, inside: certificate)
    guard let toBeSigned = reader.read(DERReader.sequence), reader.read(DERReader.sequence) != nil,
      let signature = reader.read(DERReader.bitString), reader.isAtEnd
    else { throw .malformed("not to-be-signed part, algorithm and signature") }
    // The first byte counts unused bits; a signature is whole bytes.
    guard let unused = der[signature.content].first, unused == 0 else { throw .malformed("signature bits") }
    guard let key = Self.subjectPublicKeyInfo(der, toBeSigned) else { throw .malformed("to-be-signed part") }
    self.toBeSigned = Array(der[toBeSigned.whole])
    self.subjectPublicKeyInfo = Array(der[key.whole])
    self.signature = Array(der[signature.content.dropFirst()])
  }

  private static func subjectPublicKeyInfo(
    _ der: [UInt8], _ toBeSigned: DERReader.Element
  ) -> DERReader.Element? {
    let version: UInt8 = 0xa0
    var reader = DERReader(der, inside: toBeSigned)
    if reader.nextTag == version, reader.read(version) == nil { return nil }
    guard reader.read(DERReader.integer) != nil else { return nil }
    // Algorithm, issuer, validity, subject.
    for _ in 0..<4 where reader.read(DERReader.sequence) == nil { return nil }
    return reader.read(DERReader.sequence)
  }
}

/// A certificate as GnuTLS reads it.
private final class ParsedCertificate {
  private let pointer: OpaquePointer

  init(_ der: [UInt8]) throws(CertificateError) {
    var pointer: OpaquePointer?
    guard gnutls_x509_crt_init(&pointer) >= 0, let pointer else { throw .malformed("GnuTLS has no memory") }
    self.pointer = pointer
    let code = withDatum(der) { gnutls_x509_crt_import(pointer, $0, GNUTLS_X509_FMT_DER) }
    guard code >= 0 else { throw .malformed(String(cString: gnutls_strerror(code))) }
  }

  deinit { gnutls_x509_crt_deinit(self.pointer) }

  var signatureAlgorithm: gnutls_sign_algorithm_t {
    gnutls_sign_algorithm_t(UInt32(bitPattern: gnutls_x509_crt_get_signature_algorithm(self.pointer)))
  }

  /// Checks that `now` is within the validity and answers its end, all Unix seconds.
  func checkTimes(now: Int64) throws(CertificateError) -> Int64 {
    let notBefore = Int64(gnutls_x509_crt_get_activation_time(self.pointer))
    let notAfter = Int64(gnutls_x509_crt_get_expiration_time(self.pointer))
    // -1 is GnuTLS's word for unreadable.
    guard notBefore != -1, notAfter != -1 else { throw .malformed("validity") }
    guard now >= notBefore else { throw .notYetValid(notBefore: notBefore) }
    guard now <= notAfter else { throw .expired(notAfter: notAfter) }
    return notAfter
  }

  /// The content of the one extension `oid`.
  func signedKey(
    oid wanted: String, knownCritical: [String], extensionsMax: UInt32
  ) throws(CertificateError) -> [UInt8] {
    var found: [UInt8]?
    for index in 0...extensionsMax {
      var name = [CChar](repeating: 0, count: 128)
      var length = name.count
      var critical: UInt32 = 0
      let code = gnutls_x509_crt_get_extension_info(self.pointer, index, &name, &length, &critical)
      if code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE { break }
      guard code >= 0 else { throw .malformed("extension \(index): \(String(cString: gnutls_strerror(code)))") }
      guard index < extensionsMax else { throw .malformed("more than \(extensionsMax) extensions") }
      let oid = name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } } ?? ""
      if oid == wanted {
        guard found == nil else { throw .duplicateExtension }
        var datum = gnutls_datum_t.none
        let code = gnutls_x509_crt_get_extension_data2(self.pointer, index, &datum)
        guard code >= 0 else { throw .malformedExtension(String(cString: gnutls_strerror(code))) }
        found = datum.take()
      } else if critical != 0, !knownCritical.contains(oid) {
        throw .unknownCriticalExtension(oid)
      }
    }
    guard let found else { throw .missingExtension }
    return found
  }
}
