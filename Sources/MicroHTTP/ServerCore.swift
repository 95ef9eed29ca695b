internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

/// What the library's callbacks and the watch share.
final class ServerCore: Sendable {
  let configuration: HTTPServerConfiguration
  let handler: @Sendable (HTTPRequest) -> HTTPOutcome
  let refusal: @Sendable (HTTPRefusal, HTTPRequest?) -> HTTPResponse
  let watch: Watch
  let tls: TLSText?
  /// No new connections; every answer is the last of its connection and every stream ends.
  let draining = Atomic(false)
  /// Nothing may wait any more.
  let stopped = Atomic(false)
  /// By id.
  private let table = Mutex<[UInt64: ClientConnection]>([:])
  private let lastID = Atomic<UInt64>(0)

  /// Dropped beyond the body limit before the connection is cut: enough that a client whose body is somewhat too
  /// large reads a proper answer.
  static let droppedBytesMax = 1024 * 1024

  init(
    configuration: HTTPServerConfiguration, watch: Watch,
    refusal: @escaping @Sendable (HTTPRefusal, HTTPRequest?) -> HTTPResponse,
    handler: @escaping @Sendable (HTTPRequest) -> HTTPOutcome
  ) {
    self.configuration = configuration
    self.watch = watch
    self.tls = configuration.tls.map { TLSText($0) }
    self.refusal = refusal
    self.handler = handler
  }

  var connections: [ClientConnection] { self.table.withLock { Array($0.values) } }

  func connection(_ id: UInt64) -> ClientConnection? { self.table.withLock { $0[id] } }

  // MARK: Callbacks, on the server's thread

  func opened(_ connection: OpaquePointer) -> ClientConnection {
    let id = self.lastID.add(1, ordering: .relaxed).newValue
    let descriptor = cmicrohttpd_descriptor(connection)
    let client = ClientConnection(
      id: id, descriptor: descriptor,
      remoteAddress: ListenSocket.text(of: cmicrohttpd_client_address(connection), descriptor: descriptor),
      isEncrypted: self.tls != nil, deadline: Monotonic.now + self.configuration.receiveTimeout)
    self.table.withLock { $0[id] = client }
    self.watch.deadlineAdded()
    return client
  }

  func closed(_ client: ClientConnection) {
    client.closed()
    _ = self.table.withLock { $0.removeValue(forKey: client.id) }
    if self.draining.load(ordering: .acquiring) { self.watch.wake() }
  }

  func began(_ client: ClientConnection, rawTarget: String) -> Exchange {
    let exchange = Exchange(connection: client, rawTarget: rawTarget)
    client.began(exchange, deadline: Monotonic.now + self.configuration.receiveTimeout)
    if let refusal = self.refusal(of: rawTarget) {
      // Past the library, which takes no answer yet: it would run out of the connection's memory first.
      client.refuse(RawAnswer.bytes(self.response(to: refusal, exchange, method: "-")))
    }
    return exchange
  }

  private func refusal(of rawTarget: String) -> HTTPRefusal? {
    let (bytesMax, parametersMax) = (self.configuration.targetBytesMax, self.configuration.queryParametersMax)
    if rawTarget.utf8.count > bytesMax { return .targetTooLong(limitBytes: bytesMax) }
    guard rawTarget.utf8.count(where: { $0 == UInt8(ascii: "&") }) >= parametersMax else { return nil }
    return .badRequest("the query has more than \(parametersMax) parameters")
  }

  /// Once for the head, once for each piece of the body, once when the request is whole, and once more after a
  /// deferred answer. False closes the connection.
  func access(
    _ exchange: Exchange, _ connection: OpaquePointer, method: String, version: UnsafePointer<CChar>,
    body: UnsafeRawBufferPointer
  ) -> Bool {
    guard exchange.headRead else {
      exchange.headRead = true
      exchange.isHead = method == "HEAD"
      self.readHead(exchange, connection, isOld: strcmp(version, "HTTP/1.0") == 0)
      if self.configuration.tls?.clientAuthority != nil, cmicrohttpd_client_is_verified(connection) == 0 {
        return self.refuse(.noClientCertificate, exchange, connection, method: method)
      }
      guard let refusal = exchange.refusal, self.mustRefuseEarly(exchange) else { return true }
      return self.refuse(refusal, exchange, connection, method: method)
    }
    guard body.isEmpty else { return self.receive(body, exchange, method: method) }
    if let response = exchange.takeAnswer() {
      return self.answer(response, exchange, connection)
    }
    guard !self.stopped.load(ordering: .acquiring), exchange.connection.received() else { return false }
    if let refusal = exchange.refusal { return self.refuse(refusal, exchange, connection, method: method) }
    let request: HTTPRequest
    do throws(HTTPTargetError) {
      request = try self.request(exchange, method: method)
    } catch {
      return self.refuse(.badRequest(error.description), exchange, connection, method: method)
    }
    switch self.handler(request) {
    case .response(let response):
      return self.answer(response, exchange, connection)
    case .deferred(let work):
      return self.answerLater(work, exchange, connection)
    }
  }

  func completed(_ exchange: Exchange) {
    exchange.ended()
    exchange.connection.ended(idleUntil: Monotonic.now + self.configuration.idleTimeout)
    self.watch.deadlineAdded()
  }

  // MARK: Requests

  /// - Parameter isOld: HTTP/1.0, where a request may do without a `Host`.
  private func readHead(_ exchange: Exchange, _ connection: OpaquePointer, isOld: Bool) {
    withUnsafeMutablePointer(to: &exchange.headers) { headers in
      _ = MHD_get_connection_values(
        connection, .HEADER_KIND,
        { context, _, name, value in
          guard let context, let name else { return .NO }
          context.assumingMemoryBound(to: HTTPHeaders.self).pointee.append(
            String(cString: name), value.map { String(cString: $0) } ?? "")
          return .YES
        }, headers)
    }
    if let fault = exchange.headers.fault(isOld: isOld) {
      exchange.refusal = .badRequest(fault)
    } else if (exchange.headers["Content-Length"].map { Int($0) ?? .max } ?? 0) > self.configuration.bodyBytesMax {
      exchange.refusal = .bodyTooLarge(limitBytes: self.configuration.bodyBytesMax)
    }
  }

  /// Whether to answer before the body, and close: when nobody can tell where it ends, when it is announced to be long,
  /// or waits for our leave.
  private func mustRefuseEarly(_ exchange: Exchange) -> Bool {
    if case .badRequest = exchange.refusal { return true }
    let length = Int(exchange.headers["Content-Length"] ?? "0") ?? .max
    return exchange.headers["Expect"] != nil || length > self.configuration.bodyBytesMax + Self.droppedBytesMax
  }

  private func receive(_ body: UnsafeRawBufferPointer, _ exchange: Exchange, method: String) -> Bool {
    if exchange.refusal == nil && exchange.body.count + body.count > self.configuration.bodyBytesMax {
      exchange.refusal = .bodyTooLarge(limitBytes: self.configuration.bodyBytesMax)
    }
    guard let refusal = exchange.refusal else {
      exchange.body.append(contentsOf: body)
      return true
    }
    exchange.droppedBytes += body.count
    guard exchange.droppedBytes > Self.droppedBytesMax else { return true }
    // The library takes no answer in the middle of a body.
    exchange.connection.refuse(RawAnswer.bytes(self.response(to: refusal, exchange, method: method)))
    return false
  }

  private func request(_ exchange: Exchange, method: String) throws(HTTPTargetError) -> HTTPRequest {
    HTTPRequest(
      method: method, rawTarget: exchange.rawTarget,
      target: exchange.rawTarget == "*" ? nil : try HTTPTarget(parsing: exchange.rawTarget),
      headers: exchange.headers, body: exchange.body, remoteAddress: exchange.connection.remoteAddress)
  }

  // MARK: Answers

  private func response(to refusal: HTTPRefusal, _ exchange: Exchange, method: String) -> HTTPResponse {
    self.refusal(
      refusal,
      HTTPRequest(
        method: method, rawTarget: exchange.rawTarget, target: nil, headers: exchange.headers,
        remoteAddress: exchange.connection.remoteAddress))
  }

  private func refuse(
    _ refusal: HTTPRefusal, _ exchange: Exchange, _ connection: OpaquePointer, method: String
  ) -> Bool {
    guard exchange.connection.received() else { return false }
    return self.answer(self.response(to: refusal, exchange, method: method), exchange, connection)
  }

  private func answerLater(
    _ work: @escaping @Sendable () async -> HTTPResponse, _ exchange: Exchange, _ connection: OpaquePointer
  ) -> Bool {
    guard exchange.suspend(connection, unless: { self.stopped.load(ordering: .acquiring) }) else { return false }
    exchange.started(Task { exchange.complete(await work()) })
    self.watch.hangUp(of: exchange.connection)
    return true
  }

  private func answer(_ response: HTTPResponse, _ exchange: Exchange, _ connection: OpaquePointer) -> Bool {
    let created: OpaquePointer?
    switch response.body {
    case .bytes(let bytes):
      created = bytes.withUnsafeBytes { buffer in
        MHD_create_response_from_buffer(
          buffer.count, UnsafeMutableRawPointer(mutating: buffer.baseAddress), .RESPMEM_MUST_COPY)
      }
    case .stream(let stream):
      exchange.streams(stream)
      if self.draining.load(ordering: .acquiring) { stream.finish() }
      created = StreamReader.response(stream, connection: connection, exchange: exchange, watch: self.watch)
    }
    // For want of memory only.
    guard let created else { return false }
    defer { MHD_destroy_response(created) }
    for field in response.headers.fields { MHD_add_response_header(created, field.name, field.value) }
    // To a HEAD, libmicrohttpd 0.9.75 sends the last chunk of a chunked body.
    if exchange.isHead && exchange.stream != nil { cmicrohttpd_without_chunks(created) }
    if self.draining.load(ordering: .acquiring) { MHD_add_response_header(created, "Connection", "close") }
    return MHD_queue_response(connection, UInt32(clamping: response.status), created) == .YES
  }
}
