internal import CGnuTLS

/// Calls `body` with a datum that points at `bytes`; GnuTLS must not keep it.
func withDatum<Result>(_ bytes: [UInt8], _ body: (UnsafePointer<gnutls_datum_t>) -> Result) -> Result {
  bytes.withUnsafeBufferPointer { buffer in
    var datum = gnutls_datum_t(
      data: UnsafeMutablePointer(mutating: buffer.baseAddress), size: UInt32(clamping: buffer.count))
    return withUnsafePointer(to: &datum, body)
  }
}

extension gnutls_datum_t {
  static var none: gnutls_datum_t { gnutls_datum_t(data: nil, size: 0) }

  /// Copies what GnuTLS allocated, then wipes and frees it.
  mutating func take() -> [UInt8] {
    guard let data = self.data else { return [] }
    let bytes = Array(UnsafeBufferPointer(start: data, count: Int(self.size)))
    gnutls_memset(data, 0, Int(self.size))
    cgnutls_free(data)
    self = .none
    return bytes
  }
}
