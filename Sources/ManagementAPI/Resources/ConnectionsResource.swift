internal import Jansson
internal import MicroHTTP
internal import P2PCore
internal import P2PHost

/// `/v1/connections` and what is below it.
struct ConnectionsResource: Sendable {
  let node: any NodeControl

  var routes: [Route] {
    [
      Route("GET", "/v1/connections", query: ["peer_id", "state", "direction", "sort"] + Page.parameters, self.list),
      Route("GET", "/v1/connections/{id}", self.get),
      Route("DELETE", "/v1/connections/{id}", query: ["mode"], self.close),
    ]
  }

  private enum Mode: String, CaseIterable { case graceful, abort }

  @Sendable private func list(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    var query = ConnectionQuery(limit: try Page.limit(request))
    query.peers = try request.peerIDs("peer_id")
    query.directions = try request.choices("direction", Direction.self)
    let isClosed = request.values("state") == ["closed"]
    if !isClosed {
      guard !request.values("state").contains("closed") else {
        throw Problem(.invalidParameter, "the query parameter state has closed and others; ask for closed alone")
      }
      query.states = try request.choices("state", LinkState.self)
    }
    if let order = try ConnectionOrder(request) {
      query.limit = .max
      return isClosed
        ? try order.page(of: await self.node.closedConnections(query).items, by: \.connection, request)
        : try order.page(of: await self.node.connections(query).items, by: \.self, request)
    }
    query.after = try Page.cursor(request) { UInt64($0) }
    if isClosed {
      let closed = await self.node.closedConnections(query)
      return Page.answer(closed.items, total: closed.total, next: Self.text(closed.next))
    }
    let live = await self.node.connections(query)
    return Page.answer(live.items, total: live.total, next: Self.text(live.next))
  }

  private static func text(_ cursor: UInt64?) -> String? { cursor.map(String.init) }

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = request.path["id"] ?? ""
    guard let connection = await self.node.connection(id) else { throw Self.unknown(id) }
    return request.json(connection)
  }

  @Sendable private func close(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = request.path["id"] ?? ""
    guard try request.value("mode") != nil else { return try await self.close(id, .graceful) }
    guard let mode = try request.choices("mode", Mode.self).first else { return try await self.close(id, .graceful) }
    return try await self.close(id, mode)
  }

  private func close(_ id: String, _ mode: Mode) async throws(Problem) -> HTTPResponse {
    guard await self.node.closeConnection(id, abort: mode == .abort) else { throw Self.unknown(id) }
    return HTTPResponse(status: 202)
  }

  private static func unknown(_ id: String) -> Problem {
    Problem(.connectionNotFound, "there is no live connection \(quoted(id)); GET /v1/connections lists them")
  }
}
