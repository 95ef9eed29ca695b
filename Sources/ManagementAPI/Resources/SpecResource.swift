internal import MicroHTTP

/// `GET /openapi.yaml` and `GET /openapi.json`
struct SpecResource: Sendable {
  var routes: [Route] {
    [
      Route("GET", "/openapi.yaml", produces: [MediaType.yaml, MediaType.text], self.yaml),
      Route("GET", "/openapi.json", self.json),
    ]
  }

  @Sendable private func yaml(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    request.text(Array(OpenAPIDocument.yaml.utf8))
  }

  @Sendable private func json(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    request.text(OpenAPIDocument.jsonText)
  }
}
