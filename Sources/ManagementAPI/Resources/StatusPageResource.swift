internal import MicroHTTP

/// `GET /`: the page for people. It holds no data and needs no token; what it shows it asks the API for.
struct StatusPageResource: Sendable {
  var routes: [Route] { [Route("GET", "/", produces: [MediaType.html], isOpen: true, self.get)] }

  /// Only the page's own script and style run, they speak to this node only, and no site may put it into a frame.
  static let contentSecurityPolicy = [
    "default-src 'none'", "script-src '\(StatusPageDocument.scriptHash)'",
    "style-src '\(StatusPageDocument.styleHash)'",
    "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    "require-trusted-types-for 'script'", "trusted-types 'none'",
  ].joined(separator: "; ")

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    var response = request.text(Array(StatusPageDocument.html.utf8))
    response.headers.append("Content-Security-Policy", Self.contentSecurityPolicy)
    response.headers.append("Referrer-Policy", "no-referrer")
    response.headers.append("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.append("Cross-Origin-Resource-Policy", "same-origin")
    return response
  }
}
