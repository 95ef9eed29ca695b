internal import MicroHTTP
internal import P2PCore

/// `GET /v1/events`: what happens from now on, as server-sent events.
struct EventsResource: Sendable {
  let hub: EventHub

  var routes: [Route] {
    [Route("GET", "/v1/events", query: ["types", "peer_id"], produces: [MediaType.eventStream], self.follow)]
  }

  @Sendable private func follow(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let types = Set(request.values("types").flatMap { $0.split(separator: ",") }.map(String.init))
    for type in types where !EventHub.types.contains(type) {
      throw Problem(
        .invalidParameter,
        "the query parameter types has \(quoted(type)); it must be of \(EventHub.types.joined(separator: ", "))")
    }
    let filter = EventReader.Filter(types: types, peers: try request.peerIDs("peer_id"))
    guard let stream = self.hub.open(filter, lastEventID: request.request.headers["Last-Event-ID"]) else {
      throw Problem(
        .limitExceeded, "\(EventHub.readersMax) readers follow the events already; close one",
        headers: [("Retry-After", "5")])
    }
    return HTTPResponse(
      status: 200, headers: HTTPHeaders([("Content-Type", MediaType.eventStream)]), stream: stream)
  }
}
