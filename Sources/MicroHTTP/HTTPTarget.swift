/// Path and query of a request target, decoded (RFC 9112 §3.2, RFC 3986 §3.3–3.4).
package struct HTTPTarget: Sendable, Equatable {
  package struct Parameter: Sendable, Equatable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Between the slashes, each decoded by itself, so that `%2F` stays within its segment. `/` has none; a slash at
  /// the end makes an empty last one.
  package var path: [String]
  /// In their order, repeats kept.
  package var query: [Parameter]
  /// Of a target in absolute form, instead of the `Host` header (RFC 9112 §3.2.2).
  package var authority: String?

  package init(path: [String], query: [Parameter] = [], authority: String? = nil) {
    self.path = path
    self.query = query
    self.authority = authority
  }

  /// Reads origin form and absolute form.
  package init(parsing text: String) throws(HTTPTargetError) {
    guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw HTTPTargetError("the request target has spaces, control characters or no ASCII; percent-encode them")
    }
    var rest = Substring(text)
    self.authority = nil
    if !rest.hasPrefix("/") {
      guard let scheme = ["http://", "https://"].first(where: { rest.lowercased().hasPrefix($0) }) else {
        throw HTTPTargetError("the request target is neither a path that begins with / nor an http URL")
      }
      rest = rest.dropFirst(scheme.count)
      let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
      self.authority = String(rest[..<end])
      rest = rest[end...]
    }
    let question = rest.utf8.firstIndex(of: UInt8(ascii: "?"))
    let path = rest[..<(question ?? rest.endIndex)]
    self.path = []
    if path != "/" && !path.isEmpty {
      for segment in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
        self.path.append(try Self.decode(segment, plusIsSpace: false, in: "path"))
      }
    }
    self.query = []
    guard let question else { return }
    for pair in rest[rest.utf8.index(after: question)...].split(separator: "&") {
      let equals = pair.firstIndex(of: "=")
      let name = try Self.decode(pair[..<(equals ?? pair.endIndex)], plusIsSpace: true, in: "query")
      let value = try equals.map { at throws(HTTPTargetError) in
        try Self.decode(pair[pair.index(after: at)...], plusIsSpace: true, in: "query")
      }
      self.query.append(Parameter(name: name, value: value ?? ""))
    }
  }

  private static func decode(
    _ text: Substring, plusIsSpace: Bool, in part: String
  ) throws(HTTPTargetError) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst().flatMap(Self.hex), let low = rest.popFirst().flatMap(Self.hex) else {
          throw HTTPTargetError("the \(part) has a % that two hexadecimal digits do not follow; a plain % is %25")
        }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace:
        bytes.append(UInt8(ascii: " "))
      default:
        bytes.append(byte)
      }
    }
    guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
      throw HTTPTargetError("the \(part) is not UTF-8 text once it is percent-decoded, or holds a NUL")
    }
    return text
  }

  private static func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

package struct HTTPTargetError: Error, Sendable, Equatable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
