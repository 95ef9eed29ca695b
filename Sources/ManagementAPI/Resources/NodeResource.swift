internal import MicroHTTP

/// `GET /v1/node`
struct NodeResource: Sendable {
  let node: any NodeControl
  let version: String

  var routes: [Route] { [Route("GET", "/v1/node", self.get)] }

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    request.json(await self.node.node().json(version: self.version, now: Timestamp.now()))
  }
}
