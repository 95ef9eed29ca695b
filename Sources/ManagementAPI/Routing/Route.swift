internal import MicroHTTP

/// One operation: a method on a path, what it takes and what it answers. A resource lists its own.
struct Route: Sendable {
  enum BodyRule: Sendable { case none, json }

  typealias Handler = @Sendable (RequestContext) async throws(Problem) -> HTTPResponse

  let method: String
  /// `/v1/peers/{peer_id}`, as in the specification.
  let pattern: String
  /// Names of query parameters; others are refused.
  let query: [String]
  /// Media types of a good answer, the preferred one first.
  let produces: [String]
  let body: BodyRule
  /// Needs no token.
  let isOpen: Bool
  let handler: Handler
  let segments: [Segment]

  enum Segment: Sendable, Equatable {
    case literal(String)
    case parameter(String)
  }

  init(
    _ method: String, _ pattern: String, query: [String] = [], produces: [String] = [MediaType.json],
    body: BodyRule = .none, isOpen: Bool = false, _ handler: @escaping Handler
  ) {
    self.method = method
    self.pattern = pattern
    self.query = query
    self.produces = produces
    self.body = body
    self.isOpen = isOpen
    self.handler = handler
    self.segments = pattern.split(separator: "/").map { segment in
      segment.hasPrefix("{") ? .parameter(String(segment.dropFirst().dropLast())) : .literal(String(segment))
    }
  }

  /// The path's parameters, or nil where it is another path.
  func match(_ path: [String]) -> [String: String]? {
    guard path.count == self.segments.count else { return nil }
    var parameters: [String: String] = [:]
    for (segment, text) in zip(self.segments, path) {
      switch segment {
      case .literal(let literal): if literal != text { return nil }
      case .parameter(let name): parameters[name] = text
      }
    }
    return parameters
  }
}

/// Media types of this API.
enum MediaType {
  static let json = "application/json"
  static let text = "text/plain"
  static let html = "text/html"
  static let eventStream = "text/event-stream"
  static let yaml = "application/yaml"
  static let openMetrics = "application/openmetrics-text"

  /// As a `Content-Type` has it.
  static func header(_ type: String) -> String {
    type == Self.eventStream || type == Self.yaml ? type : type + "; charset=utf-8"
  }
}
