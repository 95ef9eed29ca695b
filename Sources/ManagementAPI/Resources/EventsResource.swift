internal import MicroHTTP
internal import P2PCore

/// `GET /v1/events`: what happened since, and what happens, as server-sent events.
struct EventsResource: Sendable {
  let hub: EventHub
  let bootID: String

  var routes: [Route] {
    [
      Route(
        "GET", "/v1/events", query: ["types", "peer_id", "since"], produces: [MediaType.eventStream], self.follow)
    ]
  }

  @Sendable private func follow(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let types = Set(
      request.values("types").flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }.map(String.init))
    for type in types where !EventHub.types.contains(type) {
      throw Problem(
        .invalidParameter,
        "the query parameter types has \(quoted(type)); it must be of \(EventHub.types.joined(separator: ", "))")
    }
    let filter = EventFilter(types: types, peers: try request.peerIDs("peer_id"))
    guard let stream = self.hub.open(filter, from: try self.cursor(request)) else {
      throw Problem(
        .limitExceeded, "\(EventHub.readersMax) readers follow the events already; close one",
        headers: [("Retry-After", "5")])
    }
    return HTTPResponse(
      status: 200, headers: HTTPHeaders([("Content-Type", MediaType.eventStream)]), stream: stream)
  }

  /// Nil for what happens from now on.
  private func cursor(_ request: RequestContext) throws(Problem) -> EventCursor? {
    var cursor: EventCursor?
    if let since = try request.value("since") {
      cursor = EventCursor(since, bootID: self.bootID)
      guard cursor != nil else {
        throw Problem(
          .invalidCursor, "the query parameter since is \(quoted(since)); it must be 0 or the id of an event")
      }
    }
    // It wins: a browser that comes back asks for the same URL as at first. It cannot be told that its cursor is none.
    if let last = request.request.headers["Last-Event-ID"], !last.isEmpty {
      return EventCursor(last, bootID: self.bootID) ?? .foreign
    }
    return cursor
  }
}
