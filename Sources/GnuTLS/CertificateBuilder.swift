internal import CGnuTLS

/// Makes a self-signed certificate with the libp2p extension (libp2p specs: tls).
final class CertificateBuilder {
  enum Algorithm: CaseIterable {
    case ed25519
    case p256
  }

  /// DER.
  let certificate: [UInt8]
  /// The certificate's key; `takeKey` hands it over.
  private var key: OpaquePointer?

  deinit {
    if let key = self.key { gnutls_privkey_deinit(key) }
  }

  /// The caller becomes the owner.
  func takeKey() -> OpaquePointer? {
    defer { self.key = nil }
    return self.key
  }

  /// - Parameter validity: Unix seconds.
  init(
    _ algorithm: Algorithm, for identity: IdentityKey, validity: ClosedRange<Int64>, flaw: CertificateFlaw?
  ) throws(TLSError) {
    var key: OpaquePointer?
    try check(gnutls_privkey_init(&key), "allocate the certificate key")
    self.key = key
    switch algorithm {
    case .ed25519:
      let bits = cgnutls_curve_bits(GNUTLS_ECC_CURVE_ED25519)
      try check(gnutls_privkey_generate(key, GNUTLS_PK_EDDSA_ED25519, bits, 0), "make the Ed25519 certificate key")
    case .p256:
      let bits = cgnutls_curve_bits(GNUTLS_ECC_CURVE_SECP256R1)
      try check(gnutls_privkey_generate(key, GNUTLS_PK_ECDSA, bits, 0), "make the P-256 certificate key")
    }

    var crt: OpaquePointer?
    try check(gnutls_x509_crt_init(&crt), "allocate the certificate")
    defer { gnutls_x509_crt_deinit(crt) }
    try Self.fill(crt, validity: validity)
    let subjectPublicKeyInfo = try Self.setKey(crt, key)
    try Self.setExtensions(crt, identity, subjectPublicKeyInfo, flaw)
    let digest = algorithm == .ed25519 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256
    try check(gnutls_x509_crt_privkey_sign(crt, crt, key, digest, 0), "sign the certificate")
    var datum = gnutls_datum_t.none
    try check(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &datum), "export the certificate")
    var der = datum.take()
    // The last byte belongs to the signature.
    if flaw == .wrongSelfSignature, let last = der.indices.last { der[last] ^= 1 }
    self.certificate = der
  }

  private static func fill(_ crt: OpaquePointer?, validity: ClosedRange<Int64>) throws(TLSError) {
    try check(gnutls_x509_crt_set_version(crt, 3), "set the certificate's version")
    // Positive, not zero, at most 20 bytes (RFC 5280 §4.1.2.2).
    var serial = randomBytes(8)
    serial[0] = serial[0] & 0x3f | 0x40
    try check(gnutls_x509_crt_set_serial(crt, serial, serial.count), "set the certificate's serial number")
    let from = Int(validity.lowerBound)
    let to = Int(validity.upperBound)
    try check(gnutls_x509_crt_set_activation_time(crt, from), "set the certificate's start")
    try check(gnutls_x509_crt_set_expiration_time(crt, to), "set the certificate's end")
    let name = "libp2p"
    try check(
      gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, UInt32(name.utf8.count)),
      "set the certificate's subject")
    try check(
      gnutls_x509_crt_set_issuer_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, UInt32(name.utf8.count)),
      "set the certificate's issuer")
  }

  /// Answers the SubjectPublicKeyInfo in DER.
  private static func setKey(_ crt: OpaquePointer?, _ key: OpaquePointer?) throws(TLSError) -> [UInt8] {
    var publicKey: OpaquePointer?
    try check(gnutls_pubkey_init(&publicKey), "allocate the certificate's public key")
    defer { gnutls_pubkey_deinit(publicKey) }
    try check(gnutls_pubkey_import_privkey(publicKey, key, 0, 0), "derive the certificate's public key")
    try check(gnutls_x509_crt_set_pubkey(crt, publicKey), "set the certificate's public key")
    var datum = gnutls_datum_t.none
    try check(gnutls_pubkey_export2(publicKey, GNUTLS_X509_FMT_DER, &datum), "export the certificate's public key")
    return datum.take()
  }

  private static func setExtensions(
    _ crt: OpaquePointer?, _ identity: IdentityKey, _ subjectPublicKeyInfo: [UInt8], _ flaw: CertificateFlaw?
  ) throws(TLSError) {
    var signature = identity.sign(CertificateVerifier.signaturePrefix + subjectPublicKeyInfo)
    if flaw == .wrongHostSignature, let last = signature.indices.last { signature[last] ^= 1 }
    let key = identity.publicKey.protobuf
    var signedKey = Self.element(
      DERReader.sequence,
      Self.element(DERReader.octetString, key) + Self.element(DERReader.octetString, signature))
    if flaw == .bytesAfterSignedKey { signedKey += [0x05, 0x00] }
    if flaw != .noExtension {
      try check(
        gnutls_x509_crt_set_extension_by_oid(crt, CertificateVerifier.extensionOID, signedKey, signedKey.count, 0),
        "set the certificate's libp2p extension")
    }
    if flaw == .unknownCriticalExtension {
      try check(
        gnutls_x509_crt_set_extension_by_oid(crt, "1.3.6.1.4.1.53594.9.9", [0x05, 0x00], 2, 1),
        "set an unknown extension")
    }
  }

  /// One DER element of at most 65,535 bytes of content.
  private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    let length: [UInt8]
    switch content.count {
    case ..<0x80: length = [UInt8(content.count)]
    case ..<0x100: length = [0x81, UInt8(content.count)]
    default: length = [0x82, UInt8(content.count >> 8), UInt8(content.count & 0xff)]
    }
    return [tag] + length + content
  }
}
