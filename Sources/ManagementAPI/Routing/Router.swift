internal import MicroHTTP

/// Finds the route of a request and checks what every request is checked for.
struct Router: Sendable {
  let routes: [Route]

  /// Answers without a route: `OPTIONS`.
  enum OnRequest: Sendable {
    case call(Route, RequestContext)
    case answer(HTTPResponse)
  }

  /// Whether what is asked for needs no token.
  func isOpen(_ request: HTTPRequest) -> Bool {
    guard let path = request.target?.path else { return false }
    return self.routes.contains { $0.isOpen && $0.match(path) != nil }
  }

  func route(_ request: HTTPRequest, requestID: String) throws(Problem) -> OnRequest {
    guard let target = request.target else {
      guard request.method == "OPTIONS" else {
        throw Problem(.badRequest, "the target * is for OPTIONS only")
      }
      return .answer(Self.options(Self.methods(of: self.routes)))
    }
    let matches = self.routes.compactMap { route in route.match(target.path).map { (route, $0) } }
    guard !matches.isEmpty else {
      throw Problem(.notFound, "there is nothing at this path; GET /openapi.yaml lists what there is")
    }
    let allowed = Self.methods(of: matches.map(\.0))
    if request.method == "OPTIONS" { return .answer(Self.options(allowed)) }
    // HEAD is a GET whose body the server leaves out (RFC 9110 §9.3.2).
    let method = request.method == "HEAD" ? "GET" : request.method
    guard let (route, path) = matches.first(where: { $0.0.method == method }) else {
      let list = allowed.joined(separator: ", ")
      throw Problem(.methodNotAllowed, "this path takes \(list)", headers: [("Allow", list)])
    }
    for parameter in target.query where !route.query.contains(parameter.name) {
      let known =
        route.query.isEmpty ? "this request takes none" : "known are \(route.query.joined(separator: ", "))"
      throw Problem(.unknownParameter, "the query parameter \(quoted(parameter.name)) is unknown; \(known)")
    }
    let type = try Negotiation.choose(from: route.produces, accept: request.headers.all("Accept"))
    try Self.checkBody(request, route)
    return .call(
      route,
      RequestContext(request: request, requestID: requestID, path: path, query: target.query, mediaType: type))
  }

  private static func checkBody(_ request: HTTPRequest, _ route: Route) throws(Problem) {
    guard !request.body.isEmpty else { return }
    guard route.body == .json else {
      throw Problem(.unexpectedBody, "\(request.method) on this path takes no body; leave it out")
    }
    guard Negotiation.isJSON(request.headers["Content-Type"]) else {
      throw Problem(
        .unsupportedMediaType,
        "the body must be JSON in UTF-8 and say so with the header Content-Type: application/json",
        headers: [("Accept", MediaType.json)])
    }
  }

  private static func methods(of routes: [Route]) -> [String] {
    let methods = Set(routes.map(\.method))
    return (methods.contains("GET") ? methods.union(["HEAD", "OPTIONS"]) : methods.union(["OPTIONS"])).sorted()
  }

  private static func options(_ methods: [String]) -> HTTPResponse {
    HTTPResponse(status: 204, headers: HTTPHeaders([("Allow", methods.joined(separator: ", "))]))
  }
}

/// A foreign text for a message: in quotes, short, without control characters.
func quoted(_ text: String, limit: Int = 80) -> String {
  let shown = text.unicodeScalars.prefix(limit).map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) }
  return "\"\(String(shown))\(text.unicodeScalars.count > limit ? "…" : "")\""
}
