internal import Jansson
internal import MicroHTTP
internal import P2PCore
internal import P2PHost

/// `/v1/connections` and what is below it.
struct ConnectionsResource: Sendable {
  let node: any NodeControl

  var routes: [Route] {
    [
      Route("GET", "/v1/connections", query: ["peer_id", "state", "direction"] + Page.parameters, self.list),
      Route("GET", "/v1/connections/{id}", self.get),
      Route("DELETE", "/v1/connections/{id}", query: ["mode"], self.close),
    ]
  }

  private enum Mode: String, CaseIterable { case graceful, abort }

  @Sendable private func list(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let peers = try request.peerIDs("peer_id")
    let directions = try request.choices("direction", Direction.self)
    if request.values("state") == ["closed"] { return try await self.closed(request, peers, directions) }
    if request.values("state").contains("closed") {
      throw Problem(.invalidParameter, "the query parameter state has closed and others; ask for closed alone")
    }
    let states = try request.choices("state", LinkState.self)
    let connections = await self.node.connections().filter { connection in
      (peers.isEmpty || peers.contains(connection.peerID)) && (states.isEmpty || states.contains(connection.state))
        && (directions.isEmpty || directions.contains(connection.direction))
    }
    let numbered = connections.map { (number: Self.number($0.id) ?? .max, connection: $0) }
      .sorted { $0.number < $1.number }
    return request.json(
      try Page.make(
        numbered, request, key: \.number, read: Self.number, write: { "c-\($0)" }, render: { $0.connection.json() }))
  }

  /// The history, newest first.
  private func closed(
    _ request: RequestContext, _ peers: Set<PeerID>, _ directions: Set<Direction>
  ) async throws(Problem) -> HTTPResponse {
    let closed = await self.node.closedConnections(before: nil).filter { item in
      (peers.isEmpty || peers.contains(item.connection.connection.peerID))
        && (directions.isEmpty || directions.contains(item.connection.connection.direction))
    }
    return request.json(
      try Page.make(
        closed, request, key: { Descending($0.cursor) }, read: { UInt64($0).map(Descending.init) },
        write: { String($0.number) }, render: { $0.connection.json() }))
  }

  /// Of an id `c-17`; the older connection has the smaller one.
  private static func number(_ id: String) -> UInt64? {
    id.hasPrefix("c-") ? UInt64(id.dropFirst(2)) : nil
  }

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = request.path["id"] ?? ""
    guard let connection = await self.node.connection(id) else { throw Self.unknown(id) }
    return request.json(connection.json())
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
