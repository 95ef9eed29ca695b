/// What a handler answers.
package struct HTTPResponse: Sendable {
  package enum Body: Sendable {
    case bytes([UInt8])
    /// Sent as it is pushed, until it is finished or the client is gone.
    case stream(HTTPStream)
  }

  package var status: Int
  package var headers: HTTPHeaders
  package var body: Body

  package init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = .bytes(body)
  }

  package init(status: Int, headers: HTTPHeaders, stream: HTTPStream) {
    self.status = status
    self.headers = headers
    self.body = .stream(stream)
  }

  var stream: HTTPStream? { if case .stream(let stream) = self.body { stream } else { nil } }

  /// The same with a body for people.
  package static func text(_ status: Int, _ text: String) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: HTTPHeaders([("Content-Type", "text/plain; charset=utf-8")]), body: Array(text.utf8))
  }
}

/// How a handler answers.
package enum HTTPOutcome: Sendable {
  /// At once, on the server's thread.
  case response(HTTPResponse)
  /// Later. The task that runs it is cancelled when the client hangs up or the server's stop runs out of time;
  /// the server's thread serves others meanwhile.
  case deferred(@Sendable () async -> HTTPResponse)
}

/// Why the server answers by itself.
package enum HTTPRefusal: Sendable, Equatable {
  /// Headers and body did not arrive in time: 408.
  case requestTimeout(limit: Duration)
  /// 413
  case bodyTooLarge(limitBytes: Int)
  /// 414
  case targetTooLong(limitBytes: Int)
  /// The request cannot be read: 400.
  case badRequest(String)
  /// The client has shown no certificate of the authority: 403.
  case noClientCertificate
  /// The server stopped before the answer was there: 503.
  case stopping
}
