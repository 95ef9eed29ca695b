internal import CGnuTLS
package import P2PCore

/// The private key that a node is known by. Its bytes are wiped from memory when the last owner is gone, and leave it
/// only through `protobuf`.
package final class IdentityKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
  package let publicKey: PublicKey
  package let peerID: PeerID

  /// The `Data` of the libp2p PrivateKey.
  private let secret: SecretBytes
  // Nil for secp256k1. Never changed after `init`; GnuTLS allows concurrent use of an object that nobody changes.
  nonisolated(unsafe) private let handle: OpaquePointer?

  private init(publicKey: PublicKey, secret: SecretBytes, handle: OpaquePointer?) {
    self.publicKey = publicKey
    self.peerID = PeerID(publicKey: publicKey)
    self.secret = secret
    self.handle = handle
  }

  deinit {
    if let handle { gnutls_privkey_deinit(handle) }
  }

  /// Reads a libp2p PrivateKey protobuf: ed25519 (64 bytes, or the old 96 with the public key twice), secp256k1 (32
  /// bytes), ecdsa (SEC 1 DER), rsa (PKCS #1 DER).
  package static func load(protobuf: [UInt8]) throws(IdentityKeyError) -> IdentityKey {
    let message: PrivateKeyMessage
    do {
      message = try PrivateKeyMessage(protobuf: protobuf)
    } catch {
      throw IdentityKeyError(error.description)
    }
    return try Self.load(message.type, message.data)
  }

  /// Reads 64 bytes: seed and public key, as Go's crypto/ed25519 keeps them.
  package static func load(ed25519 bytes: [UInt8]) throws(IdentityKeyError) -> IdentityKey {
    guard bytes.count == 64 else {
      throw IdentityKeyError("a raw Ed25519 private key has 64 bytes, not \(bytes.count)")
    }
    return try Self.load(.ed25519, bytes)
  }

  /// Makes a new key: Ed25519, secp256k1, ECDSA P-256 or RSA 2048.
  package static func generate(_ type: KeyType = .ed25519) throws(IdentityKeyError) -> IdentityKey {
    var data: [UInt8]
    switch type {
    case .ed25519:
      data = try Self.generate(GNUTLS_PK_EDDSA_ED25519, bits: cgnutls_curve_bits(GNUTLS_ECC_CURVE_ED25519))
    case .ecdsa:
      data = try Self.generate(GNUTLS_PK_ECDSA, bits: cgnutls_curve_bits(GNUTLS_ECC_CURVE_SECP256R1))
    case .rsa:
      data = try Self.generate(GNUTLS_PK_RSA, bits: 2048)
    case .secp256k1:
      // All but one in 2^127 draws are a valid key.
      repeat { data = randomBytes(Secp256k1.privateKeyBytes) } while !Secp256k1.isValidPrivateKey(data)
    }
    defer { wipe(&data) }
    return try Self.load(type, data)
  }

  /// The libp2p PrivateKey protobuf. Secret: pass it to `wipe` after use.
  package var protobuf: [UInt8] {
    PrivateKeyMessage(type: self.publicKey.type, data: self.secret.copy).protobuf
  }

  /// Signs as `PublicKey.verify(signature:of:)` checks.
  package func sign(_ message: [UInt8]) -> [UInt8] {
    let signature = Self.sign(message, type: self.publicKey.type, handle: self.handle, secret: self.secret)
    // `load` made a signature with this very key and checked it.
    precondition(signature != nil, "the identity key no longer signs")
    return signature ?? []
  }

  /// 32 secret bytes that follow from this key and `label`, the same at every start.
  package func derivedSecret(_ label: String) -> [UInt8] {
    var key = self.secret.copy
    defer { wipe(&key) }
    return hkdfSHA256(key: key, salt: Array("fednode identity".utf8), info: Array(label.utf8), count: 32)
  }

  /// Type and peer id; nothing private.
  package var description: String { "\(self.publicKey.type.name) key of \(self.peerID)" }
  package var debugDescription: String { self.description }
}

/// Why bytes are no usable private key. Never carries any of them.
package struct IdentityKeyError: Error, Sendable, Hashable, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}

extension IdentityKey {
  private static func load(_ type: KeyType, _ data: [UInt8]) throws(IdentityKeyError) -> IdentityKey {
    let key: IdentityKey
    switch type {
    case .ed25519: key = try Self.loadEd25519(data)
    case .secp256k1: key = try Self.loadSecp256k1(data)
    case .ecdsa: key = try Self.loadDER(data, .ecdsa, GNUTLS_PK_ECDSA)
    case .rsa: key = try Self.loadDER(data, .rsa, GNUTLS_PK_RSA)
    }
    guard key.publicKey.isAcceptable else {
      throw IdentityKeyError(
        type == .rsa
          ? "the RSA key must have 2048 to 8192 bits and a public exponent of at most 32 bits"
          : "the \(type.name) key is on a curve that libp2p does not use")
    }
    // Finds a public half that does not belong to the private one.
    let probe = Array("fednode".utf8)
    guard let signature = Self.sign(probe, type: type, handle: key.handle, secret: key.secret),
      key.publicKey.verify(signature: signature, of: probe)
    else { throw IdentityKeyError("the public half of the \(type.name) key does not belong to its private half") }
    return key
  }

  /// - Parameter data: 64 bytes.
  private static func loadEd25519(_ data: [UInt8]) throws(IdentityKeyError) -> IdentityKey {
    let publicBytes = Array(data[32..<64])
    var seed = Array(data[..<32])
    defer { wipe(&seed) }
    let handle = try Self.makeHandle()
    let code = withDatum(seed) { seed in
      withDatum(publicBytes) { gnutls_privkey_import_ecc_raw(handle, GNUTLS_ECC_CURVE_ED25519, $0, nil, seed) }
    }
    let key = IdentityKey(
      publicKey: PublicKey(type: .ed25519, data: publicBytes), secret: SecretBytes(data), handle: handle)
    if code < 0 { throw IdentityKeyError("GnuTLS refuses the ed25519 key: \(String(cString: gnutls_strerror(code)))") }
    return key
  }

  private static func loadSecp256k1(_ data: [UInt8]) throws(IdentityKeyError) -> IdentityKey {
    guard let publicBytes = Secp256k1.publicKey(of: data) else {
      throw IdentityKeyError("a secp256k1 private key has 32 bytes between 1 and the order of the curve")
    }
    return IdentityKey(
      publicKey: PublicKey(type: .secp256k1, data: publicBytes), secret: SecretBytes(data), handle: nil)
  }

  private static func loadDER(
    _ data: [UInt8], _ type: KeyType, _ algorithm: gnutls_pk_algorithm_t
  ) throws(IdentityKeyError) -> IdentityKey {
    let handle = try Self.makeHandle()
    var owned = true
    defer { if owned { gnutls_privkey_deinit(handle) } }
    let code = withDatum(data) { gnutls_privkey_import_x509_raw(handle, $0, GNUTLS_X509_FMT_DER, nil, 0) }
    guard code >= 0 else {
      let form = type == .rsa ? "PKCS #1" : "SEC 1"
      throw IdentityKeyError("the \(type.name) key is no \(form) DER: \(String(cString: gnutls_strerror(code)))")
    }
    guard gnutls_privkey_get_pk_algorithm(handle, nil) == Int32(bitPattern: algorithm.rawValue) else {
      throw IdentityKeyError("the key inside is not of the type \(type.name) that is stated")
    }
    guard let publicBytes = Self.subjectPublicKeyInfo(of: handle), var secret = Self.exportDER(handle) else {
      throw IdentityKeyError("GnuTLS cannot export the \(type.name) key")
    }
    defer { wipe(&secret) }
    owned = false
    return IdentityKey(
      publicKey: PublicKey(type: type, data: publicBytes), secret: SecretBytes(secret), handle: handle)
  }

  private static func makeHandle() throws(IdentityKeyError) -> OpaquePointer {
    var handle: OpaquePointer?
    let code = gnutls_privkey_init(&handle)
    guard code >= 0, let handle else {
      throw IdentityKeyError("GnuTLS cannot hold a key: \(String(cString: gnutls_strerror(code)))")
    }
    return handle
  }

  /// A new private key as libp2p encodes it.
  private static func generate(
    _ algorithm: gnutls_pk_algorithm_t, bits: UInt32
  ) throws(IdentityKeyError) -> [UInt8] {
    let handle = try Self.makeHandle()
    defer { gnutls_privkey_deinit(handle) }
    let code = gnutls_privkey_generate(handle, algorithm, bits, 0)
    guard code >= 0 else {
      throw IdentityKeyError("GnuTLS cannot make a key: \(String(cString: gnutls_strerror(code)))")
    }
    let data = algorithm == GNUTLS_PK_EDDSA_ED25519 ? Self.exportEd25519(handle) : Self.exportDER(handle)
    guard let data else { throw IdentityKeyError("GnuTLS cannot export the key that it made") }
    return data
  }

  /// Seed and public key.
  private static func exportEd25519(_ handle: OpaquePointer) -> [UInt8]? {
    var curve = GNUTLS_ECC_CURVE_INVALID
    var publicDatum = gnutls_datum_t.none
    var seedDatum = gnutls_datum_t.none
    guard gnutls_privkey_export_ecc_raw(handle, &curve, &publicDatum, nil, &seedDatum) >= 0 else { return nil }
    var seed = seedDatum.take()
    defer { wipe(&seed) }
    return seed + publicDatum.take()
  }

  /// SEC 1 for ECDSA, PKCS #1 for RSA.
  private static func exportDER(_ handle: OpaquePointer) -> [UInt8]? {
    var key: OpaquePointer?
    guard gnutls_privkey_export_x509(handle, &key) >= 0, let key else { return nil }
    defer { gnutls_x509_privkey_deinit(key) }
    var datum = gnutls_datum_t.none
    guard gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_DER, &datum) >= 0 else { return nil }
    return datum.take()
  }

  private static func subjectPublicKeyInfo(of handle: OpaquePointer) -> [UInt8]? {
    var key: OpaquePointer?
    guard gnutls_pubkey_init(&key) >= 0, let key else { return nil }
    defer { gnutls_pubkey_deinit(key) }
    var datum = gnutls_datum_t.none
    guard gnutls_pubkey_import_privkey(key, handle, 0, 0) >= 0,
      gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &datum) >= 0
    else { return nil }
    return datum.take()
  }

  private static func sign(
    _ message: [UInt8], type: KeyType, handle: OpaquePointer?, secret: SecretBytes
  ) -> [UInt8]? {
    guard let handle else { return secret.withBytes { Secp256k1.sign(digest: sha256(message), key: $0) } }
    let algorithm: gnutls_sign_algorithm_t
    switch type {
    case .ed25519: algorithm = GNUTLS_SIGN_EDDSA_ED25519
    case .ecdsa: algorithm = GNUTLS_SIGN_ECDSA_SHA256
    case .rsa: algorithm = GNUTLS_SIGN_RSA_SHA256
    case .secp256k1: return nil
    }
    var signature = gnutls_datum_t.none
    guard withDatum(message, { gnutls_privkey_sign_data2(handle, algorithm, 0, $0, &signature) }) >= 0 else {
      return nil
    }
    return signature.take()
  }
}
