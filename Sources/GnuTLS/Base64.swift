internal import CGnuTLS

/// Standard base64 with padding (RFC 4648 §4), in one line.
package func base64Encode(_ bytes: [UInt8]) -> String {
  var datum = gnutls_datum_t.none
  let code = withDatum(bytes) { gnutls_base64_encode2($0, &datum) }
  precondition(code >= 0 || bytes.isEmpty, "GnuTLS cannot encode base64: error \(code)")
  var text = datum.take()
  defer { wipe(&text) }
  return String(decoding: text, as: UTF8.self)
}

/// Reads standard base64 with padding (RFC 4648 §4). The error never repeats the text: it may be secret.
package func base64Decode(_ text: String) throws(IdentityKeyError) -> [UInt8] {
  let isBase64 = text.utf8.allSatisfy { character in
    switch character {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
      true
    default: false
    }
  }
  guard isBase64, !text.isEmpty, text.utf8.count % 4 == 0 else { throw IdentityKeyError("not base64 with padding") }
  var datum = gnutls_datum_t.none
  var bytes = Array(text.utf8)
  defer { wipe(&bytes) }
  guard withDatum(bytes, { gnutls_base64_decode2($0, &datum) }) >= 0 else {
    throw IdentityKeyError("not base64 with padding")
  }
  return datum.take()
}
