internal import CGnuTLS
internal import P2PCore

/// A GnuTLS public key that passed our rules: what a peer may present as identity or certificate key.
final class PublicKeyHandle {
  /// Below 2048 bits is weak (libp2p specs: peer-ids); above 8192 a verification costs too much.
  static let rsaBits: ClosedRange<UInt32> = 2048...8192
  /// Leading zero and 32 bits. A longer exponent only makes verification slow.
  static let rsaExponentBytesMax: UInt32 = 5

  let pointer: OpaquePointer

  /// Takes ownership of `pointer`.
  private init(owning pointer: OpaquePointer) { self.pointer = pointer }

  deinit { gnutls_pubkey_deinit(self.pointer) }

  /// Nil when the bytes are not exactly one SubjectPublicKeyInfo (RFC 5280 §4.1) of a key that we accept.
  convenience init?(subjectPublicKeyInfo der: [UInt8]) {
    guard let pointer = Self.make() else { return nil }
    self.init(owning: pointer)
    guard withDatum(der, { gnutls_pubkey_import(pointer, $0, GNUTLS_X509_FMT_DER) }) >= 0, self.isAcceptable else {
      return nil
    }
  }

  /// Nil when `raw` is not 32 bytes.
  convenience init?(ed25519 raw: [UInt8]) {
    guard raw.count == 32, let pointer = Self.make() else { return nil }
    self.init(owning: pointer)
    guard withDatum(raw, { gnutls_pubkey_import_ecc_raw(pointer, GNUTLS_ECC_CURVE_ED25519, $0, nil) }) >= 0 else {
      return nil
    }
  }

  /// The handle of an identity key; nil for secp256k1, which GnuTLS does not know, and for bytes that do not fit
  /// the type.
  convenience init?(_ key: PublicKey) {
    switch key.type {
    case .ed25519: self.init(ed25519: key.data)
    case .secp256k1: return nil
    case .rsa, .ecdsa:
      self.init(subjectPublicKeyInfo: key.data)
      let wanted = key.type == .rsa ? GNUTLS_PK_RSA : GNUTLS_PK_ECDSA
      // One key, one peer id: another encoding of the same key is refused.
      guard self.algorithm == wanted, self.subjectPublicKeyInfo == key.data else { return nil }
    }
  }

  var algorithm: gnutls_pk_algorithm_t {
    gnutls_pk_algorithm_t(UInt32(bitPattern: gnutls_pubkey_get_pk_algorithm(self.pointer, nil)))
  }

  /// DER, as GnuTLS writes it.
  var subjectPublicKeyInfo: [UInt8]? {
    var datum = gnutls_datum_t.none
    guard gnutls_pubkey_export2(self.pointer, GNUTLS_X509_FMT_DER, &datum) >= 0 else { return nil }
    return datum.take()
  }

  func verify(_ algorithm: gnutls_sign_algorithm_t, signature: [UInt8], of message: [UInt8]) -> Bool {
    withDatum(message) { message in
      withDatum(signature) { gnutls_pubkey_verify_data2(self.pointer, algorithm, 0, message, $0) }
    } >= 0
  }

  private static func make() -> OpaquePointer? {
    var pointer: OpaquePointer?
    guard gnutls_pubkey_init(&pointer) >= 0 else { return nil }
    return pointer
  }

  private var isAcceptable: Bool {
    var bits: UInt32 = 0
    switch gnutls_pk_algorithm_t(UInt32(bitPattern: gnutls_pubkey_get_pk_algorithm(self.pointer, &bits))) {
    case GNUTLS_PK_RSA, GNUTLS_PK_RSA_PSS:
      guard Self.rsaBits.contains(bits) else { return false }
      var modulus = gnutls_datum_t.none
      var exponent = gnutls_datum_t.none
      guard gnutls_pubkey_export_rsa_raw(self.pointer, &modulus, &exponent) >= 0 else { return false }
      let size = exponent.size
      _ = modulus.take()
      _ = exponent.take()
      return size <= Self.rsaExponentBytesMax
    case GNUTLS_PK_ECDSA:
      var curve = GNUTLS_ECC_CURVE_INVALID
      guard gnutls_pubkey_export_ecc_raw(self.pointer, &curve, nil, nil) >= 0 else { return false }
      return [GNUTLS_ECC_CURVE_SECP256R1, GNUTLS_ECC_CURVE_SECP384R1, GNUTLS_ECC_CURVE_SECP521R1].contains(curve)
    case GNUTLS_PK_EDDSA_ED25519:
      return true
    default:
      return false
    }
  }
}
