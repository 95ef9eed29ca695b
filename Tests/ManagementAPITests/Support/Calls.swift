import Jansson
import Testing

@testable import ManagementAPI
@testable import MicroHTTP

struct Answer {
  let response: HTTPResponse
  /// The body of what has an end.
  private let whole: String?

  init(response: HTTPResponse) {
    self.response = response
    switch response.body {
    case .bytes(let bytes): self.whole = String(decoding: bytes, as: UTF8.self)
    case .stream(let stream):
      self.whole = response.headers["Content-Type"] == "text/event-stream" ? nil : Self.read(stream)
    }
  }

  var status: Int { self.response.status }
  /// Of events those that are there now; they are taken out of the stream.
  var text: String { self.whole ?? self.response.stream.map(Self.read) ?? "" }

  private static func read(_ stream: HTTPStream) -> String {
    var bytes: [UInt8] = []
    withUnsafeTemporaryAllocation(byteCount: 1_000, alignment: 1) { buffer in
      while case .bytes(let count) = stream.source.read(into: buffer) { bytes += buffer[..<count] }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
  var json: JSON {
    get throws { try JSON(decoding: Array(self.text.utf8)) }
  }
  /// The problem's code, nil where it is no problem document.
  var code: String? {
    guard self["Content-Type"] == "application/problem+json",
      case .string(let code)? = (try? self.json)?["code"]
    else { return nil }
    return code
  }

  subscript(header: String) -> String? { self.response.headers[header] }
}

extension ManagementAPI {
  static func fake(_ node: FakeNode, loops: @escaping @Sendable () async -> Bool = { true }) -> ManagementAPI {
    ManagementAPI(
      APIConfiguration(port: 0, version: "1.2.3"), node: node, control: FakeConfiguration(), eventLoopsTurn: loops)
  }

  /// A request without a socket, whose answer is held against the specification.
  func call(
    _ method: String, _ target: String, headers: [(String, String)] = [], host: String = "localhost:9080",
    body: String = "", sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Answer {
    var headers = headers + [("Host", host)]
    if !body.isEmpty && !headers.contains(where: { $0.0 == "Content-Type" }) {
      headers.append(("Content-Type", "application/json"))
    }
    let request = HTTPRequest(
      method: method, rawTarget: target, target: target == "*" ? nil : try HTTPTarget(parsing: target),
      headers: HTTPHeaders(headers), body: Array(body.utf8), remoteAddress: "127.0.0.1:1")
    let answer: Answer
    switch self.handle(request) {
    case .response(let response): answer = Answer(response: response)
    case .deferred(let work): answer = Answer(response: await work())
    }
    let faults = Specification.faults(answer, to: method, request.target)
    #expect(faults.isEmpty, sourceLocation: sourceLocation)
    return answer
  }
}
