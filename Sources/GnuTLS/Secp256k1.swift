internal import CSecp256k1

/// ECDSA over secp256k1 by Bitcoin's own library; GnuTLS does not know the curve.
enum Secp256k1 {
  static let privateKeyBytes = 32
  static let publicKeyBytes = 33

  // Randomized once before anything else sees it; afterwards the library takes it as const, which is thread-safe.
  nonisolated(unsafe) private static let context: OpaquePointer? = {
    let context = csecp256k1_context_create()
    if let context { _ = secp256k1_context_randomize(context, randomBytes(32)) }
    return context
  }()

  static func isValidPrivateKey(_ key: [UInt8]) -> Bool {
    guard let context, key.count == Self.privateKeyBytes else { return false }
    return secp256k1_ec_seckey_verify(context, key) == 1
  }

  /// 33 bytes, compressed; nil when `key` is no private key.
  static func publicKey(of key: [UInt8]) -> [UInt8]? {
    guard let context, Self.isValidPrivateKey(key) else { return nil }
    var point = secp256k1_pubkey()
    guard secp256k1_ec_pubkey_create(context, &point, key) == 1 else { return nil }
    var bytes = [UInt8](repeating: 0, count: Self.publicKeyBytes)
    guard csecp256k1_serialize_compressed(context, &bytes, &point) == 1 else { return nil }
    return bytes
  }

  /// DER, low S; nil when `key` is no private key.
  static func sign(digest: [UInt8], key: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard let context, digest.count == 32, key.count == Self.privateKeyBytes, let base = key.baseAddress else {
      return nil
    }
    var signature = secp256k1_ecdsa_signature()
    guard secp256k1_ecdsa_sign(context, &signature, digest, base, nil, nil) == 1 else { return nil }
    // The longest DER of two 33-byte integers.
    var bytes = [UInt8](repeating: 0, count: 72)
    var length = bytes.count
    guard secp256k1_ecdsa_signature_serialize_der(context, &bytes, &length, &signature) == 1 else { return nil }
    return Array(bytes.prefix(length))
  }

  /// Accepts high S as well: other implementations made such signatures, and nothing is named by a signature here.
  static func verify(signature der: [UInt8], digest: [UInt8], publicKey: [UInt8]) -> Bool {
    guard let context, digest.count == 32, publicKey.count == Self.publicKeyBytes else { return false }
    var point = secp256k1_pubkey()
    var signature = secp256k1_ecdsa_signature()
    guard secp256k1_ec_pubkey_parse(context, &point, publicKey, publicKey.count) == 1,
      secp256k1_ecdsa_signature_parse_der(context, &signature, der, der.count) == 1
    else { return false }
    var normalized = secp256k1_ecdsa_signature()
    _ = secp256k1_ecdsa_signature_normalize(context, &normalized, &signature)
    return secp256k1_ecdsa_verify(context, &normalized, digest, &point) == 1
  }

  static func isValidPublicKey(_ key: [UInt8]) -> Bool {
    guard let context, key.count == Self.publicKeyBytes else { return false }
    var point = secp256k1_pubkey()
    return secp256k1_ec_pubkey_parse(context, &point, key, key.count) == 1
  }
}
