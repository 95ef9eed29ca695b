internal import MicroHTTP

/// Who may ask at all. The API has no password on loopback, so a web page must not be able to speak for its reader:
/// neither under a name that it had resolved to this machine, nor from another origin.
struct Access: Sendable {
  private let names: Set<String>
  private let origins: Set<String>
  /// Bound to every address: then any literal one is ours.
  private let anyLiteral: Bool

  init(_ configuration: APIConfiguration) {
    self.names = Set(
      (["localhost", "127.0.0.1", "::1", configuration.address] + configuration.hosts).map { $0.lowercased() })
    self.origins = Set(configuration.origins.map { $0.lowercased() })
    self.anyLiteral = ["0.0.0.0", "::"].contains(configuration.address)
  }

  func check(_ request: HTTPRequest) throws(Problem) {
    let fields = request.headers.all("Host")
    guard fields.count <= 1, let authority = (request.target?.authority ?? fields.first)?.lowercased() else {
      throw Problem(.hostNotAllowed, "a request must have one Host header")
    }
    guard self.isOurs(authority) else {
      throw Problem(
        .hostNotAllowed,
        "the API does not answer to the name \(quoted(authority)); ask for localhost, or list the name in api.hosts")
    }
    guard !["GET", "HEAD", "OPTIONS"].contains(request.method) else { return }
    for origin in request.headers.all("Origin").map({ $0.lowercased() }) {
      guard origin == "http://\(authority)" || origin == "https://\(authority)" || self.origins.contains(origin) else {
        throw Problem(
          .originNotAllowed,
          "pages from \(quoted(origin)) may not change anything here; list the origin in api.origins to allow it")
      }
    }
  }

  private func isOurs(_ authority: String) -> Bool {
    var name = Substring(authority)
    if name.hasPrefix("[") {
      guard let end = name.firstIndex(of: "]") else { return false }
      let rest = name[name.index(after: end)...]
      guard rest.isEmpty || Self.isPort(rest) else { return false }
      name = name[name.index(after: name.startIndex)..<end]
      return self.names.contains(String(name)) || self.anyLiteral
    }
    if let colon = name.firstIndex(of: ":") {
      guard Self.isPort(name[colon...]) else { return false }
      name = name[..<colon]
    }
    if name.hasSuffix(".") { name = name.dropLast() }
    let octets = name.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    let isLiteral = octets.count == 4 && !octets.contains(nil)
    return self.names.contains(String(name)) || (isLiteral && (octets.first == 127 || self.anyLiteral))
  }

  private static func isPort(_ text: Substring) -> Bool {
    text.first == ":" && UInt16(text.dropFirst()) != nil
  }
}
