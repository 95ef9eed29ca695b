internal import Jansson
internal import MicroHTTP
internal import P2PCore
internal import P2PHost

/// `POST /v1/dial`
struct DialResource: Sendable {
  let node: any NodeControl

  var routes: [Route] { [Route("POST", "/v1/dial", body: .json, self.dial)] }

  /// Addresses of one dial.
  private static let addressesMax = 64

  @Sendable private func dial(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let body = try request.body(["address", "peer_id", "addresses", "timeout_ms", "wait"])
    let timeout = try body.integer("timeout_ms", in: 1...600_000).map { Duration.milliseconds($0) }
    guard try body.bool("wait") ?? true else {
      throw BodyFields.invalid("wait", "must be true: dials are answered when they have ended")
    }
    let (peer, addresses) = try Self.target(body)
    let result = await self.node.dial(peer: peer, addresses: addresses, timeout: timeout)
    let attempts = JSON.array(result.attempts.map { $0.json() })
    guard let connection = result.connection else {
      let error = result.error ?? DialError(.handshakeFailed, "no address led to a connection", temporary: true)
      throw Problem(
        error.problemCode, error.detail, members: [.init("error", JSON(error)), .init("attempts", attempts)])
    }
    return request.json(["connection": connection.json(), "reused": .bool(result.reused), "attempts": attempts])
  }

  /// `{address}` or `{peer_id, addresses?}`.
  private static func target(_ body: BodyFields) throws(Problem) -> (PeerID?, [Multiaddr]) {
    let address = try body.string("address")
    let peer = try body.string("peer_id")
    let addresses = try body.strings("addresses", countMax: Self.addressesMax)
    switch (address, peer) {
    case (let address?, nil):
      guard addresses == nil else { throw BodyFields.invalid("addresses", "goes with peer_id, not with address") }
      let parsed = try Self.multiaddr(address, field: "address")
      return (parsed.peerID, [parsed])
    case (nil, let peer?):
      let id = try RequestContext.peerID(peer, in: "the field peer_id")
      var parsed: [Multiaddr] = []
      for text in addresses ?? [] {
        let address = try Self.multiaddr(text, field: "addresses")
        if let named = address.peerID, named != id {
          throw BodyFields.invalid("addresses", "names the peer \(named) in \(address), but peer_id is \(id)")
        }
        parsed.append(address)
      }
      return (id, parsed)
    case (nil, nil):
      throw Problem(
        .missingField, "say whom to dial: {\"address\": \"/ip4/…/udp/9000/quic-v1\"} or {\"peer_id\": \"…\"}")
    case (_?, _?):
      throw BodyFields.invalid("address", "and peer_id exclude each other; put the address into addresses")
    }
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
