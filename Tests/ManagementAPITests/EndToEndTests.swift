import HTTPTestClient
import Jansson
import P2PCore
import Testing

@testable import ManagementAPI
@testable import P2PHost

@Suite struct EndToEndTests {
  @Test("what the server refuses is a problem document like any other") func refusals() async throws {
    try await withAPI(FakeNode()) { _, port in
      let client = try HTTPTestClient(port: port)
      await client.send("POST /v1/dial HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n")
      let large = try await client.response()
      #expect(large.status == 413)
      #expect(large["Content-Type"] == "application/problem+json")
      #expect(try JSON(decoding: Array(large.body.utf8))["code"] == "body_too_large")

      let other = try HTTPTestClient(port: port)
      await other.send("GET /%zz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: mine\r\n\r\n")
      let bad = try await other.response()
      #expect(bad.status == 400)
      #expect(bad["X-Request-Id"] == "mine")
      #expect(try JSON(decoding: Array(bad.body.utf8))["code"] == "bad_request")
    }
  }

  @Test("a dial whose caller hangs up is cancelled") func cancelled() async throws {
    let (begun, begin) = AsyncStream<Void>.makeStream()
    let (ended, end) = AsyncStream<Bool>.makeStream()
    let node = FakeNode { _, _ in
      begin.yield()
      // Ends with its task.
      for await _ in AsyncStream<Void>.makeStream().stream {}
      end.yield(Task.isCancelled)
      return DialResult(
        connection: nil, reused: false, attempts: [], error: DialError(.cancelled, "cancelled", temporary: true))
    }
    try await withAPI(node) { _, port in
      let client = try HTTPTestClient(port: port)
      let body = "{\"peer_id\":\"\(Sample.peerText)\"}"
      await client.send(
        "POST /v1/dial HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
          + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
      for await _ in begun { break }
      client.close()
      for await wasCancelled in ended {
        #expect(wasCancelled)
        break
      }
    }
  }

  @Test("requests of one connection are answered in their order") func pipelined() async throws {
    try await withAPI(FakeNode()) { _, port in
      let client = try HTTPTestClient(port: port)
      let paths = ["/livez", "/v1/node", "/nowhere", "/v1/peers", "/readyz?verbose", "/metrics", "/v1/connections/c-9"]
      await client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: localhost\r\n\r\n" }.joined())
      var statuses: [Int] = []
      for _ in paths { statuses.append(try await client.response().status) }
      #expect(statuses == [200, 200, 404, 200, 200, 200, 404])
    }
  }
}
