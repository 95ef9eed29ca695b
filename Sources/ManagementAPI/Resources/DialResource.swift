internal import Jansson
internal import MicroHTTP
internal import P2PCore
internal import P2PHost

/// `POST /v1/dial`, and `/v1/dials`
struct DialResource: Sendable {
  let node: any NodeControl

  var routes: [Route] {
    [
      Route("POST", "/v1/dial", body: .json, self.dial),
      Route("GET", "/v1/dials", query: ["state", "peer_id"] + Page.parameters, self.list),
      Route("GET", "/v1/dials/{id}", self.get),
      Route("DELETE", "/v1/dials/{id}", self.cancel),
    ]
  }

  /// Addresses of one dial.
  private static let addressesMax = 64

  @Sendable private func dial(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let body = try request.body(["address", "peer_id", "addresses", "timeout_ms", "wait"])
    let timeout = try body.integer("timeout_ms", in: 1...600_000).map { Duration.milliseconds($0) }
    let waits = try body.bool("wait") ?? true
    let (peer, addresses) = try Self.target(body)
    guard waits else {
      let dial = await self.node.startDial(peer: peer, addresses: addresses, timeout: timeout)
      var response = request.json(dial.json(), status: 202)
      response.headers.append("Location", "/v1/dials/\(dial.id)")
      return response
    }
    let result = await self.node.dial(peer: peer, addresses: addresses, timeout: timeout)
    return try Self.answer(result, to: addresses, request)
  }

  /// The connection, or why there is none. `addresses`: that the request gave.
  static func answer(
    _ result: DialResult, to addresses: [Multiaddr] = [], _ request: RequestContext
  ) throws(Problem) -> HTTPResponse {
    let attempts = JSON.array(result.attempts.map { $0.json() })
    guard let connection = result.connection else {
      let error = result.error ?? DialError(.handshakeFailed, "no address led to a connection", temporary: true)
      // Nothing was wrong with an address where none was there.
      let isAddressless = error.class == .invalidAddress && result.attempts.isEmpty && addresses.isEmpty
      throw Problem(
        isAddressless ? .noAddress : error.problemCode, error.detail,
        members: [.init("error", JSON(error)), .init("attempts", attempts)])
    }
    return request.json { json in
      json.object { json in
        json.member("connection", connection)
        json.member("reused", .bool(result.reused))
        json.member("attempts", attempts)
      }
    }
  }

  // MARK: Dials under way and lately ended

  @Sendable private func list(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let states = try request.choices("state", DialInfo.State.self)
    let peers = try request.peerIDs("peer_id")
    let dials = await self.node.dials().filter { dial in
      (states.isEmpty || states.contains(dial.state)) && (peers.isEmpty || dial.peerID.map(peers.contains) ?? false)
    }
    // The newest first.
    let numbered = dials.map { (number: Self.number($0.id) ?? 0, dial: $0) }.sorted { $0.number > $1.number }
    return request.json(
      try Page.make(
        numbered, request, key: { Descending($0.number) }, read: { Self.number($0).map(Descending.init) },
        write: { "d-\($0.number)" }, render: { $0.dial.json() }))
  }

  /// Of an id `d-17`.
  private static func number(_ id: String) -> UInt64? {
    id.hasPrefix("d-") ? UInt64(id.dropFirst(2)) : nil
  }

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = request.path["id"] ?? ""
    guard let dial = await self.node.dialInfo(id) else { throw Self.unknown(id) }
    return request.json(dial.json())
  }

  @Sendable private func cancel(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let id = request.path["id"] ?? ""
    guard let wasRunning = await self.node.cancelDial(id) else { throw Self.unknown(id) }
    guard wasRunning else { throw Problem(.dialEnded, "the dial \(quoted(id)) has ended; GET it for how") }
    return HTTPResponse(status: 202)
  }

  private static func unknown(_ id: String) -> Problem {
    Problem(.dialNotFound, "there is no dial \(quoted(id)), or it ended long ago; GET /v1/dials lists them")
  }

  // MARK: Bodies

  /// `{address}` or `{peer_id, addresses?}`.
  private static func target(_ body: BodyFields) throws(Problem) -> (PeerID?, [Multiaddr]) {
    let address = try body.string("address")
    let peer = try body.string("peer_id")
    switch (address, peer) {
    case (let address?, nil):
      guard try body.strings("addresses", countMax: Self.addressesMax) == nil else {
        throw BodyFields.invalid("addresses", "goes with peer_id, not with address")
      }
      let parsed = try Self.multiaddr(address, field: "address")
      return (parsed.peerID, [parsed])
    case (nil, let peer?):
      let id = try RequestContext.peerID(peer, in: "the field peer_id")
      return (id, try Self.multiaddrs(body, of: id, countMax: Self.addressesMax) ?? [])
    case (nil, nil):
      throw Problem(
        .missingField, "say whom to dial: {\"address\": \"/ip4/…/udp/9000/quic-v1\"} or {\"peer_id\": \"…\"}")
    case (_?, _?):
      throw BodyFields.invalid("address", "and peer_id exclude each other; put the address into addresses")
    }
  }

  /// The field `addresses`, whose members name no other peer than `id`.
  static func multiaddrs(_ body: BodyFields, of id: PeerID, countMax: Int) throws(Problem) -> [Multiaddr]? {
    guard let texts = try body.strings("addresses", countMax: countMax) else { return nil }
    var parsed: [Multiaddr] = []
    for text in texts {
      let address = try Self.multiaddr(text, field: "addresses")
      if let named = address.peerID, named != id {
        throw BodyFields.invalid("addresses", "names the peer \(named) in \(address), but the peer is \(id)")
      }
      parsed.append(address)
    }
    return parsed
  }

  private static func multiaddr(_ text: String, field: String) throws(Problem) -> Multiaddr {
    do throws(MultiaddrError) {
      return try Multiaddr(text)
    } catch {
      let code: ProblemCode = error.isUnsupported ? .unsupportedTransport : .invalidMultiaddr
      throw Problem(
        code, "in the field \(field): \(error.description)", members: [.init("field", .string(field))])
    }
  }
}

/// For lists whose newest item comes first.
struct Descending: Comparable {
  let number: UInt64
  init(_ number: UInt64) { self.number = number }
  static func < (a: Descending, b: Descending) -> Bool { a.number > b.number }
}

extension DialError {
  /// The contract's statuses of a dial that failed, by class.
  var problemCode: ProblemCode {
    switch self.class {
    case .invalidAddress: .invalidMultiaddr
    case .unsupportedTransport: .unsupportedTransport
    case .blocked: .blocked
    case .selfDial: .selfDial
    case .limitExceeded: .limitExceeded
    case .shuttingDown: .shuttingDown
    case .timeout: .dialTimeout
    case .peerIDMismatch: .peerIDMismatch
    case .dnsFailure, .noRoute, .refused, .handshakeFailed, .protocolMismatch, .backoff, .cancelled: .dialFailed
    }
  }
}
