internal import MicroHTTP

/// Who may ask, and what. Without tokens everyone may do everything who reaches the API, so a web page must not be able
/// to speak for its reader: neither under a name that it had resolved to this machine, nor from another origin.
struct Access: Sendable {
  /// Who asks.
  enum Caller: Sendable {
    /// Whoever reaches the API.
    case anyone
    case token(Scope)

    /// For the log.
    var words: String {
      switch self {
      case .anyone: "anyone"
      case .token(let scope): "\(scope.rawValue) token"
      }
    }
  }

  /// Answered to anyone, where `metrics` is public.
  let isMetricsPublic: Bool
  private let names: Set<String>
  private let origins: Set<String>
  /// Bound to every address: then any literal one is ours.
  private let anyLiteral: Bool
  private let readToken: APIToken?
  private let adminToken: APIToken?

  init(_ configuration: APIConfiguration) {
    self.names = Set(
      (["localhost", "127.0.0.1", "::1", configuration.address] + configuration.hosts).map { $0.lowercased() })
    self.origins = Set(configuration.origins.map { $0.lowercased() })
    self.anyLiteral = ["0.0.0.0", "::"].contains(configuration.address)
    self.readToken = configuration.readToken
    self.adminToken = configuration.adminToken
    self.isMetricsPublic = configuration.isMetricsPublic
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
    guard Self.changes(request) else { return }
    for origin in request.headers.all("Origin").map({ $0.lowercased() }) {
      guard origin == "http://\(authority)" || origin == "https://\(authority)" || self.origins.contains(origin) else {
        throw Problem(
          .originNotAllowed,
          "pages from \(quoted(origin)) may not change anything here; list the origin in api.origins to allow it")
      }
    }
  }

  /// Whether it asks for more than a look (RFC 9110 §9.2.1).
  static func changes(_ request: HTTPRequest) -> Bool { !["GET", "HEAD", "OPTIONS"].contains(request.method) }

  /// - Parameter isOpen: the path needs no token.
  func caller(of request: HTTPRequest, isOpen: Bool) throws(Problem) -> Caller {
    let changes = Self.changes(request)
    guard self.readToken != nil || self.adminToken != nil, changes || !isOpen else { return .anyone }
    let fields = request.headers.all("Authorization")
    guard let field = fields.first else {
      throw Self.unauthorized(
        "this needs \(changes ? "an admin token" : "a token"); send the header Authorization: Bearer and the token")
    }
    let words = field.split(separator: " ", maxSplits: 1)
    guard fields.count == 1, words.count == 2, words[0].lowercased() == "bearer" else {
      throw Self.unauthorized("the header Authorization must be there once, as Bearer and the token")
    }
    // Both, always: how long it takes says nothing of which was right.
    let isAdmin = self.adminToken?.matches(words[1]) ?? false
    let isReader = self.readToken?.matches(words[1]) ?? false
    guard isAdmin || isReader else {
      throw Self.unauthorized("the token is not one of this node", error: ", error=\"invalid_token\"")
    }
    guard isAdmin || !changes else {
      throw Problem(
        .insufficientScope,
        self.adminToken == nil
          ? "nobody may change anything here, for want of api.admin_token_file"
          : "this token is for looking only; use the one of api.admin_token_file",
        headers: [
          ("WWW-Authenticate", "Bearer realm=\"fednode\", error=\"insufficient_scope\", scope=\"admin\"")
        ])
    }
    return .token(isAdmin ? .admin : .read)
  }

  private static func unauthorized(_ detail: String, error: String = "") -> Problem {
    Problem(.unauthorized, detail, headers: [("WWW-Authenticate", "Bearer realm=\"fednode\"\(error)")])
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
