package import Logging
package import MicroHTTP
internal import Synchronization

/// The HTTP API of a node: everything an operator sees and does. Remembers events from `init` on; serves from `start`
/// until `stop`.
package final class ManagementAPI: Sendable {
  private let configuration: APIConfiguration
  private let access: Mutex<Access>
  private let limit: Mutex<RateLimit>
  private let router: Router
  private let hub: EventHub
  private let recorder: HealthRecorder
  private let requests = RequestCounter()
  private let log = Logger(subsystem: "api")
  /// Who changed what.
  private let audit = Logger(subsystem: "audit")
  private let refused = RateLimitedLog(Logger(subsystem: "audit"))
  private let server = Mutex<HTTPServer?>(nil)

  /// `eventLoopsTurn` comes back, with true, when every event loop of the node came round. Without a `control` there
  /// is no `/v1/config`.
  package init(
    _ configuration: APIConfiguration, node: any NodeControl, control: (any ConfigurationControl)? = nil,
    logLevels: LogLevelControl = LogLevelControl(), eventLoopsTurn: @escaping @Sendable () async -> Bool
  ) {
    self.configuration = configuration
    self.access = Mutex(Access(configuration))
    self.limit = Mutex(RateLimit(perSecond: configuration.requestsPerSecond))
    self.hub = EventHub(node: node)
    let monitor = HealthMonitor(node: node, eventLoopsTurn: eventLoopsTurn)
    self.recorder = HealthRecorder(node: node, monitor: monitor)
    let version = configuration.version
    var routes = NodeResource(node: node, version: version).routes
    routes += PeersResource(node: node).routes
    routes += ConnectionsResource(node: node).routes
    routes += DialResource(node: node).routes
    routes += GateResource(node: node).routes
    routes += ProtocolsResource(node: node).routes
    routes += EventsResource(hub: self.hub, bootID: node.events.bootID).routes
    routes += HealthResource(monitor: monitor, recorder: self.recorder).routes
    routes +=
      MetricsResource(
        node: node, version: version, hub: self.hub, monitor: monitor, requests: self.requests
      ).routes
    routes += LogLevelResource(levels: logLevels).routes
    if let control { routes += ConfigurationResource(control: control).routes }
    routes += SpecResource().routes
    routes += StatusPageResource().routes
    self.router = Router(routes: routes)
  }

  /// Listens; the answer is the port, also where any was asked for.
  @discardableResult
  package func start() throws(HTTPServerError) -> UInt16 {
    var configuration = HTTPServerConfiguration(address: self.configuration.address, port: self.configuration.port)
    configuration.socketPath = self.configuration.socketPath
    configuration.socketMode = self.configuration.socketMode
    configuration.tls = self.configuration.tls
    let server = try HTTPServer(
      configuration,
      refusal: { [weak self] refusal, request in
        self?.answer(refusal, request) ?? HTTPServer.plainRefusal(refusal, request)
      },
      handler: { [weak self] request in self?.handle(request) ?? .response(.text(503, "stopping\n")) })
    self.server.withLock { $0 = server }
    self.hub.start()
    self.recorder.start()
    self.log.info("the API listens", [("address", server.address), ("port", String(server.port))])
    return server.port
  }

  /// From now on: names, origins, tokens and limits. Where the API listens stays.
  package func update(_ configuration: APIConfiguration) {
    self.access.withLock { $0 = Access(configuration) }
    self.limit.withLock { $0.perSecond = configuration.requestsPerSecond }
  }

  /// Ends event streams, takes no more requests, lets answers in flight finish for at most `timeout`.
  package func stop(timeout: Duration) async {
    self.recorder.stop()
    await self.hub.stop()
    await self.server.withLock { $0 }?.stop(timeout: timeout)
  }

  /// Those that need no token, `GET /livez`, whatever the configuration.
  var openOperations: Set<String> {
    Set(self.router.routes.filter(\.isOpen).map { "\($0.method) \($0.pattern)" })
  }
  /// Names of query parameters by operation, `GET /v1/peers`.
  var queryParameters: [String: Set<String>] {
    Dictionary(uniqueKeysWithValues: self.router.routes.map { ("\($0.method) \($0.pattern)", Set($0.query)) })
  }

  // MARK: Requests

  func handle(_ request: HTTPRequest) -> HTTPOutcome {
    let began = ContinuousClock.now
    let requestID = Self.requestID(request)
    var caller: Access.Caller?
    do throws(Problem) {
      try self.checkRate(request)
      let access = self.access.withLock { $0 }
      try access.check(request)
      let isOpen = self.router.isOpen(request) || (access.isMetricsPublic && request.target?.path == ["metrics"])
      caller = try access.caller(of: request, isOpen: isOpen)
      switch try self.router.route(request, requestID: requestID) {
      case .answer(let response):
        return .response(self.finish(response, request, requestID, began, caller))
      case .call(let route, let context):
        return .deferred { [caller] in
          let response: HTTPResponse
          do throws(Problem) {
            response = try await route.handler(context)
          } catch {
            response = error.response(requestID: requestID)
          }
          return self.finish(response, request, requestID, began, caller, route)
        }
      }
    } catch {
      return .response(self.finish(error.response(requestID: requestID), request, requestID, began, caller))
    }
  }

  private func checkRate(_ request: HTTPRequest) throws(Problem) {
    let wait = self.limit.withLock { limit in
      limit.perSecond == nil
        ? nil : limit.admit(RateLimit.client(request.remoteAddress), at: LogLevelControl.monotonic())
    }
    guard let wait else { return }
    throw Problem(
      .limitExceeded,
      "too many requests of this client; wait, or raise limits.api_requests_per_second",
      headers: [("Retry-After", String(wait))])
  }

  /// What the server refuses by itself, as a problem document like any other.
  private func answer(_ refusal: HTTPRefusal, _ request: HTTPRequest?) -> HTTPResponse {
    let problem: Problem
    switch refusal {
    case .requestTimeout(let limit):
      problem = Problem(.requestTimeout, "headers and body must arrive within \(limit)")
    case .bodyTooLarge(let limit):
      problem = Problem(.bodyTooLarge, "the body may have \(limit) bytes at most")
    case .targetTooLong(let limit):
      problem = Problem(.targetTooLong, "the request target, which is path and query, may have \(limit) bytes at most")
    case .badRequest(let why):
      problem = Problem(.badRequest, why)
    case .noClientCertificate:
      problem = Problem(
        .clientCertificateNeeded, "show a certificate that an authority of api.tls.client_ca_file has signed")
    case .stopping:
      problem = Problem(.shuttingDown, "the node stopped before the answer was there")
    }
    let request = request ?? HTTPRequest(method: "-", rawTarget: "-", target: nil)
    let requestID = Self.requestID(request)
    return self.finish(problem.response(requestID: requestID), request, requestID, .now, nil)
  }

  /// Adds what every answer has, counts it and writes the access log. `caller`: nil when it was not let in.
  private func finish(
    _ response: HTTPResponse, _ request: HTTPRequest, _ requestID: String, _ began: ContinuousClock.Instant,
    _ caller: Access.Caller?, _ route: Route? = nil
  ) -> HTTPResponse {
    let duration = ContinuousClock.now - began
    var response = response
    response.headers.append("X-Request-Id", requestID)
    response.headers.append("Cache-Control", "no-store")
    response.headers.append("X-Content-Type-Options", "nosniff")
    self.requests.add(
      method: request.method, route: route?.pattern, status: response.status, duration: duration)
    self.noteForAudit(response, request, requestID, caller)
    self.log.debug(
      "\(request.method) \(quoted(request.rawTarget, limit: 256)) \(response.status)",
      [
        ("request_id", requestID), ("remote", request.remoteAddress),
        ("duration_ms", String((duration / .microseconds(1)).rounded() / 1_000)),
      ])
    return response
  }

  /// One line for every request that may have changed something, and a few for those that were not let in.
  private func noteForAudit(
    _ response: HTTPResponse, _ request: HTTPRequest, _ requestID: String, _ caller: Access.Caller?
  ) {
    if caller != nil, !Access.changes(request) { return }
    let fields: Logger.Fields = [
      ("who", caller?.words ?? "nobody"), ("remote", request.remoteAddress), ("method", request.method),
      ("target", request.rawTarget), ("status", String(response.status)), ("request_id", requestID),
    ]
    if caller != nil {
      self.audit.notice("a request that changes something was answered", fields)
    } else if [401, 403, 429].contains(response.status) {
      self.refused.log(
        .warning, key: RateLimit.client(request.remoteAddress), "a request was not let in", fields)
    }
  }

  /// The client's own where it is well-formed, or a new one.
  private static func requestID(_ request: HTTPRequest) -> String {
    if let given = request.headers["X-Request-Id"], (1...64).contains(given.utf8.count),
      given.utf8.allSatisfy(Self.isRequestIDByte)
    {
      return given
    }
    let number = String(UInt64.random(in: .min ... .max), radix: 16)
    return String(repeating: "0", count: 16 - number.utf8.count) + number
  }

  private static func isRequestIDByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
