extension HTTPHeaders {
  /// What makes a request one that two servers could read in two ways, so that it is refused (RFC 9110 §5, RFC 9112 §3.2,
  /// §6.3); nil when nothing does. `isOld`: of HTTP/1.0.
  func fault(isOld: Bool) -> String? {
    for field in self.fields {
      guard !field.name.isEmpty, field.name.utf8.allSatisfy(Self.isToken) else {
        return "a header's name is empty or has other characters than letters, digits and !#$%&'*+-.^_`|~"
      }
      guard field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == UInt8(ascii: "\t") }) else {
        return "the header \(field.name) has control characters"
      }
    }
    let hosts = self.all("Host").count
    if hosts > 1 || (hosts == 0 && !isOld) { return "a request must have one Host header" }
    let lengths = self.all("Content-Length").count
    let encodings = self.all("Transfer-Encoding")
    if lengths > 1 { return "a request must not have more than one Content-Length" }
    guard let encoding = encodings.first else { return nil }
    if lengths > 0 { return "a request has Content-Length or Transfer-Encoding, not both" }
    guard encodings.count == 1, encoding.lowercased() == "chunked", !isOld else {
      return "the one Transfer-Encoding that is read is chunked, once, in HTTP/1.1"
    }
    return nil
  }

  /// RFC 9110 §5.6.2
  private static func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
