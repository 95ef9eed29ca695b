internal import CGnuTLS
package import P2PCore

/// SHA-256 (FIPS 180-4), 32 bytes.
package func sha256(_ bytes: [UInt8]) -> [UInt8] {
  bytes.withUnsafeBytes { sha256($0) }
}

/// SHA-256 (FIPS 180-4), 32 bytes.
package func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
  var digest = [UInt8](repeating: 0, count: 32)
  // It fails only when the library's own self test has failed.
  let code = gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes.baseAddress, bytes.count, &digest)
  precondition(code == 0, "GnuTLS cannot compute SHA-256: error \(code)")
  return digest
}

/// Bytes fit for keys and tokens, from GnuTLS's generator.
package func randomBytes(_ count: Int) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: count)
  let code = gnutls_rnd(GNUTLS_RND_RANDOM, &bytes, count)
  precondition(code == 0, "GnuTLS cannot make random bytes: error \(code)")
  return bytes
}

/// HMAC-SHA-256 (RFC 2104), 32 bytes.
package func hmacSHA256(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
  var code: [UInt8] = .init(repeating: 0, count: 32)
  let status = gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key.count, message, message.count, &code)
  precondition(status == 0, "GnuTLS cannot compute HMAC-SHA-256: error \(status)")
  return code
}

/// HKDF with SHA-256 (RFC 5869).
///
/// - Parameter count: bytes to make, at most 8,160.
package func hkdfSHA256(key: [UInt8], salt: [UInt8], info: [UInt8], count: Int) -> [UInt8] {
  precondition((1...255 * 32).contains(count))
  var pseudorandomKey = [UInt8](repeating: 0, count: 32)
  defer { wipe(&pseudorandomKey) }
  var status = withDatum(key) { key in
    withDatum(salt) { gnutls_hkdf_extract(GNUTLS_MAC_SHA256, key, $0, &pseudorandomKey) }
  }
  precondition(status == 0, "GnuTLS cannot extract with HKDF: error \(status)")
  var output = [UInt8](repeating: 0, count: count)
  status = withDatum(pseudorandomKey) { key in
    withDatum(info) { gnutls_hkdf_expand(GNUTLS_MAC_SHA256, key, $0, &output, count) }
  }
  precondition(status == 0, "GnuTLS cannot expand with HKDF: error \(status)")
  return output
}

extension PeerID {
  /// Names `key` (libp2p specs: peer-ids).
  package init(publicKey key: PublicKey) {
    self.init(publicKey: key, sha256: { sha256($0) })
  }
}
