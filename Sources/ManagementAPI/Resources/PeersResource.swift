internal import Jansson
internal import MicroHTTP
internal import P2PCore
internal import P2PHost

/// `/v1/peers` and what is below it.
struct PeersResource: Sendable {
  let node: any NodeControl

  var routes: [Route] {
    [
      Route(
        "GET", "/v1/peers", query: ["state", "direction", "pinned", "blocked"] + Page.parameters, self.list),
      Route("GET", "/v1/peers/{peer_id}", self.get),
      Route("PUT", "/v1/peers/{peer_id}", body: .json, self.put),
      Route("DELETE", "/v1/peers/{peer_id}", self.delete),
      Route("POST", "/v1/peers/{peer_id}/connect", body: .json, self.connect),
      Route("DELETE", "/v1/peers/{peer_id}/backoff", self.clearBackoff),
      Route("POST", "/v1/peers/{peer_id}/ping", body: .json, self.ping),
      Route("POST", "/v1/peers/{peer_id}/disconnect", body: .json, self.disconnect),
    ]
  }

  /// A few, so that min, mean and max say something.
  private static let pingCountDefault: Int64 = 3
  private static let pingTimeoutDefault: Int64 = 5_000
  /// Of a peer, in code points: it is a label of metrics and a column of a table.
  private static let nameLengthMax = 64

  @Sendable private func list(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    var query = PeerQuery(limit: try Page.limit(request))
    query.states = try request.choices("state", LinkState.self)
    query.directions = try request.choices("direction", Direction.self)
    query.pinned = Set(try request.choices("pinned", Truth.self).map { $0 == .true })
    query.blocked = Set(try request.choices("blocked", Truth.self).map { $0 == .true })
    query.after = try Page.cursor(request) { text in
      do throws(PeerIDError) { return try PeerID(text) } catch { return nil }
    }
    let peers = await self.node.peers(query)
    return Page.answer(peers.items, total: peers.total, next: peers.next?.description)
  }

  private enum Truth: String, CaseIterable { case `true`, `false` }

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = try request.peerID()
    guard let peer = await self.node.peer(id) else { throw Self.unknown(id) }
    return request.json(peer)
  }

  @Sendable private func put(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = try request.peerID()
    let body = try request.body(["addresses", "name", "pinned"])
    let addresses = try DialResource.multiaddrs(body, of: id, countMax: Host.bookAddressesMax)
    let name = try body.string("name", lengthMax: Self.nameLengthMax)
    if let name, name.isEmpty { throw BodyFields.invalid("name", "must not be empty; leave it out for none") }
    let pinned = try body.bool("pinned")
    do throws(BookError) {
      let (peer, isNew) = try await self.node.putPeer(id, addresses: addresses, name: name, pinned: pinned)
      return request.json(peer, status: isNew ? 201 : 200)
    } catch {
      throw error.problem
    }
  }

  @Sendable private func delete(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = try request.peerID()
    let isKnown: Bool
    do throws(BookError) { isKnown = try await self.node.forgetPeer(id) } catch { throw error.problem }
    guard isKnown else { throw Self.unknown(id) }
    return HTTPResponse(status: 204)
  }

  @Sendable private func connect(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = try request.peerID()
    let timeout = try request.body(["timeout_ms"]).integer("timeout_ms", in: 1...600_000)
    guard let result = await self.node.connect(id, timeout: timeout.map { .milliseconds($0) }) else {
      throw Self.unknown(id)
    }
    return try DialResource.answer(result, request)
  }

  @Sendable private func clearBackoff(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = try request.peerID()
    guard await self.node.clearBackoff(id) else { throw Self.unknown(id) }
    return HTTPResponse(status: 204)
  }

  @Sendable private func ping(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = try request.peerID()
    let body = try request.body(["count", "timeout_ms"])
    let count = try body.integer("count", in: 1...10) ?? Self.pingCountDefault
    let timeout = try body.integer("timeout_ms", in: 1...60_000) ?? Self.pingTimeoutDefault
    guard let results = await self.node.ping(id, count: Int(count), timeout: .milliseconds(timeout)) else {
      guard await self.node.peer(id) != nil else { throw Self.unknown(id) }
      throw Problem(.peerNotConnected, "there is no connection to \(id); make one with POST /v1/dial")
    }
    let times = results.compactMap(\.rtt)
    let summary: JSON
    if let least = times.min(), let most = times.max() {
      let mean = times.reduce(.zero, +) / times.count
      summary = [
        "min": JSON(milliseconds: least), "mean": JSON(milliseconds: mean), "max": JSON(milliseconds: most),
      ]
    } else {
      summary = .null
    }
    return request.json([
      "rtt_ms": summary,
      "results": .array(results.map { ["rtt_ms": JSON(milliseconds: $0.rtt), "error": JSON($0.error)] }),
    ])
  }

  @Sendable private func disconnect(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = try request.peerID()
    let reason = try request.body(["reason"]).string("reason", lengthMax: 128) ?? "disconnected by the operator"
    guard await self.node.disconnect(id, reason: reason) else { throw Self.unknown(id) }
    return HTTPResponse(status: 202)
  }

  static func unknown(_ id: PeerID) -> Problem {
    Problem(.peerNotFound, "this node does not know the peer \(id); GET /v1/peers lists those it knows")
  }
}

extension BookError {
  var problem: Problem {
    switch self {
    case .full: Problem(.limitExceeded, self.description)
    case .configured: Problem(.peerConfigured, self.description)
    case .address(let error):
      Problem(
        error.class == .unsupportedTransport ? .unsupportedTransport : .invalidMultiaddr, self.description,
        members: [.init("field", .string("addresses"))])
    case .isSelf: Problem(.selfDial, self.description)
    case .notSaved: Problem(.notSaved, self.description)
    }
  }
}
