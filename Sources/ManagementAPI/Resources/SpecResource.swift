internal import MicroHTTP

/// `GET /openapi.yaml`
struct SpecResource: Sendable {
  var routes: [Route] { [Route("GET", "/openapi.yaml", produces: [MediaType.yaml, MediaType.text], self.get)] }

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    request.text(Array(OpenAPIDocument.yaml.utf8))
  }
}
