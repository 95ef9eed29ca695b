package import Jansson
internal import MicroHTTP

/// Why a request failed, for its sender: RFC 9457.
package struct Problem: Error, Sendable {
  package var code: ProblemCode
  /// What was wrong with this request and what to do about it.
  package var detail: String
  /// Further members of the document.
  package var members: [JSON.Object.Member] = []
  var headers: [(String, String)] = []

  init(_ code: ProblemCode, _ detail: String, members: [JSON.Object.Member] = [], headers: [(String, String)] = []) {
    self.code = code
    self.detail = detail
    self.members = members
    self.headers = headers
  }

  func response(requestID: String) -> HTTPResponse {
    var document = JSON.Object([
      .init("type", .string("urn:fednode:problem:\(self.code.rawValue)")),
      .init("title", .string(self.code.title)),
      .init("status", JSON(self.code.status)),
      .init("detail", .string(self.detail)),
      .init("code", .string(self.code.rawValue)),
      .init("request_id", .string(requestID)),
    ])
    document.members += self.members
    var headers = HTTPHeaders([("Content-Type", "application/problem+json")])
    for (name, value) in self.headers { headers.append(name, value) }
    return HTTPResponse(
      status: self.code.status, headers: headers, body: JSON.object(document).encoded(terminator: 0x0A))
  }
}

/// The stable words for what can go wrong; `openapi/openapi.yaml` lists the same.
package enum ProblemCode: String, Sendable, CaseIterable {
  case badRequest = "bad_request"
  case unknownParameter = "unknown_parameter"
  case invalidParameter = "invalid_parameter"
  case invalidCursor = "invalid_cursor"
  case unexpectedBody = "unexpected_body"
  case invalidJSON = "invalid_json"
  case unknownField = "unknown_field"
  case missingField = "missing_field"
  case invalidField = "invalid_field"
  case invalidPeerID = "invalid_peer_id"
  case invalidMultiaddr = "invalid_multiaddr"
  case invalidEntry = "invalid_entry"
  case unsupportedTransport = "unsupported_transport"
  case unauthorized
  case hostNotAllowed = "host_not_allowed"
  case originNotAllowed = "origin_not_allowed"
  case clientCertificateNeeded = "client_certificate_needed"
  case insufficientScope = "insufficient_scope"
  case blocked
  case notFound = "not_found"
  case peerNotFound = "peer_not_found"
  case connectionNotFound = "connection_not_found"
  case dialNotFound = "dial_not_found"
  case entryNotFound = "entry_not_found"
  case methodNotAllowed = "method_not_allowed"
  case notAcceptable = "not_acceptable"
  case requestTimeout = "request_timeout"
  case selfDial = "self_dial"
  case noAddress = "no_address"
  case peerNotConnected = "peer_not_connected"
  case peerConfigured = "peer_configured"
  case dialEnded = "dial_ended"
  case bodyTooLarge = "body_too_large"
  case targetTooLong = "target_too_long"
  case unsupportedMediaType = "unsupported_media_type"
  case invalidConfiguration = "invalid_configuration"
  case limitExceeded = "limit_exceeded"
  case notSaved = "not_saved"
  case dialFailed = "dial_failed"
  case peerIDMismatch = "peer_id_mismatch"
  case shuttingDown = "shutting_down"
  case dialTimeout = "dial_timeout"

  package var status: Int { self.facts.status }
  package var title: String { self.facts.title }

  private var facts: (status: Int, title: String) {
    switch self {
    case .badRequest: (400, "The request cannot be read")
    case .unknownParameter: (400, "Unknown query parameter")
    case .invalidParameter: (400, "Invalid query parameter")
    case .invalidCursor: (400, "Invalid cursor")
    case .unexpectedBody: (400, "This request takes no body")
    case .invalidJSON: (400, "The body is not valid JSON")
    case .unknownField: (400, "Unknown field in the body")
    case .missingField: (400, "A field is missing in the body")
    case .invalidField: (400, "Invalid field in the body")
    case .invalidPeerID: (400, "Invalid peer id")
    case .invalidMultiaddr: (400, "Invalid multiaddr")
    case .invalidEntry: (400, "Neither a peer id nor an address nor a network")
    case .unsupportedTransport: (400, "Unsupported transport")
    case .unauthorized: (401, "A token is needed")
    case .hostNotAllowed: (403, "Host not allowed")
    case .originNotAllowed: (403, "Origin not allowed")
    case .clientCertificateNeeded: (403, "A certificate is needed")
    case .insufficientScope: (403, "The token is not for this")
    case .blocked: (403, "Blocked")
    case .notFound: (404, "No such path")
    case .peerNotFound: (404, "No such peer")
    case .connectionNotFound: (404, "No such connection")
    case .dialNotFound: (404, "No such dial")
    case .entryNotFound: (404, "No such entry")
    case .methodNotAllowed: (405, "Method not allowed")
    case .notAcceptable: (406, "Not acceptable")
    case .requestTimeout: (408, "The request came too slowly")
    case .selfDial: (409, "The peer is this node")
    case .noAddress: (409, "No address of the peer is known")
    case .peerNotConnected: (409, "The peer is not connected")
    case .peerConfigured: (409, "The peer is named by the configuration")
    case .dialEnded: (409, "The dial has ended")
    case .bodyTooLarge: (413, "The body is too large")
    case .targetTooLong: (414, "The request target is too long")
    case .unsupportedMediaType: (415, "Unsupported media type")
    case .invalidConfiguration: (422, "The configuration is not valid")
    case .limitExceeded: (429, "A limit is reached")
    case .notSaved: (500, "In force, but not written down")
    case .dialFailed: (502, "The dial failed")
    case .peerIDMismatch: (502, "Another peer answered")
    case .shuttingDown: (503, "The node is shutting down")
    case .dialTimeout: (504, "The dial timed out")
    }
  }
}
