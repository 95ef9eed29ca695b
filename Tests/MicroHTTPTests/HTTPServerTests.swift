import HTTPTestClient
import Synchronization
import Testing

@testable import MicroHTTP

/// A gate that a handler waits at until a test opens it.
final class Gate: Sendable {
  private let isOpen = Atomic(false)

  func open() { self.isOpen.store(true, ordering: .releasing) }

  /// Returns when opened, or when the task is cancelled; any number of tasks may wait, each for itself.
  func pass() async {
    while !self.isOpen.load(ordering: .acquiring) {
      do { try await Task.sleep(for: .milliseconds(2)) } catch { return }
    }
  }
}

/// Runs a server for the length of `body` and stops it.
func withServer(
  _ change: (inout HTTPServerConfiguration) -> Void = { _ in },
  handler: @escaping @Sendable (HTTPRequest) -> HTTPOutcome, _ body: (HTTPServer) async throws -> Void
) async throws {
  var configuration = HTTPServerConfiguration(port: 0)
  // A loaded machine is not what these tests are about.
  configuration.receiveTimeout = .seconds(30)
  change(&configuration)
  let server = try HTTPServer(configuration, handler: handler)
  do {
    try await body(server)
  } catch {
    await server.stop(timeout: .seconds(1))
    throw error
  }
  await server.stop(timeout: .seconds(1))
}

/// Says what it got.
let echo: @Sendable (HTTPRequest) -> HTTPOutcome = { request in
  let query = request.target?.query.map { "\($0.name)=\($0.value)" }.joined(separator: ",") ?? "-"
  let path = request.target?.path.joined(separator: "|") ?? "*"
  return .response(
    .text(200, "\(request.method) \(path) \(query) \(request.headers["X-Test"] ?? "-") \(request.body.count)"))
}

@Suite struct HTTPServerTests {
  @Test("a request arrives with path, query, headers and body", arguments: [false, true])
  func requestArrives(ipv6: Bool) async throws {
    try await withServer {
      $0.address = ipv6 ? "::1" : "127.0.0.1"
    } handler: { request in
      #expect(request.remoteAddress.hasPrefix(ipv6 ? "[::1]:" : "127.0.0.1:"))
      return echo(request)
    } _: { server in
      #expect(server.port != 0)
      let client = try HTTPTestClient(port: server.port, ipv6: ipv6)
      await client.send(
        "POST /a%20b/c?x=1&x=2 HTTP/1.1\r\nHost: h\r\nx-test: yes\r\nContent-Length: 5\r\n\r\nhello")
      let response = try await client.response()
      #expect(response.status == 200)
      #expect(response.body == "POST a b|c x=1,x=2 yes 5")
      await client.send("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(try await client.response().body == "OPTIONS * - - 0")
    }
  }

  @Test("an address in use is refused with the mend") func addressInUse() async throws {
    try await withServer(handler: echo) { server in
      #expect {
        try HTTPServer(HTTPServerConfiguration(port: server.port), handler: echo)
      } throws: { error in
        "\(error)".contains("127.0.0.1:\(server.port)") && "\(error)".contains("another process has it")
      }
    }
    #expect(throws: HTTPServerError.self) {
      try HTTPServer(HTTPServerConfiguration(address: "localhost", port: 0), handler: echo)
    }
  }

  @Test("HEAD has the length and no body, and the connection goes on") func head() async throws {
    try await withServer(handler: echo) { server in
      let client = try HTTPTestClient(port: server.port)
      await client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b HTTP/1.1\r\nHost: h\r\n\r\n")
      let head = try await client.response(headOnly: true)
      #expect(head["Content-Length"] == "\("HEAD a  - 0".utf8.count)")
      #expect(try await client.response().body == "GET b  - 0")
    }
  }

  @Test("pipelined requests are answered in their order, deferred ones too") func pipelining() async throws {
    try await withServer { request in
      let path = request.target?.path.first ?? ""
      let answer = HTTPResponse.text(200, path + ":" + String(request.body.count))
      return path.hasPrefix("d") ? .deferred { answer } : .response(answer)
    } _: { server in
      let client = try HTTPTestClient(port: server.port)
      let count = 50
      var text = ""
      for index in 0..<count {
        text += "POST /\(index % 2 == 0 ? "d" : "i")\(index) HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
      }
      await client.send(text)
      for index in 0..<count {
        #expect(try await client.response().body == "\(index % 2 == 0 ? "d" : "i")\(index):3")
      }
    }
  }

  @Test("a chunked body is read, and 100 Continue is said to who waits for it") func chunkedAndContinue() async throws {
    try await withServer(handler: echo) { server in
      let client = try HTTPTestClient(port: server.port)
      await client.send(
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
      #expect(try await client.response().body == "POST a  - 7")
      await client.send("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
      #expect(try await client.head().status == 100)
      await client.send("xy")
      #expect(try await client.response().body == "POST b  - 2")
    }
  }

  // MARK: Limits

  @Test("a body at the limit is taken and one byte more is 413") func bodyLimit() async throws {
    try await withServer(handler: echo) { server in
      let limit = 64 * 1024
      let client = try HTTPTestClient(port: server.port)
      for chunked in [false, true] {
        for count in [limit, limit + 1] {
          let body = String(repeating: "a", count: count)
          await client.send(
            "POST /a HTTP/1.1\r\nHost: h\r\n"
              + (chunked
                ? "Transfer-Encoding: chunked\r\n\r\n\(String(count, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
                : "Content-Length: \(count)\r\n\r\n\(body)"))
          #expect(try await client.response().status == (count > limit ? 413 : 200))
        }
      }
    }
  }

  @Test(
    "a body that is announced huge is refused before it comes",
    arguments: ["Content-Length: 1073741824\r\n", "Content-Length: 100000\r\nExpect: 100-continue\r\n"])
  func hugeBody(header: String) async throws {
    try await withServer(handler: echo) { server in
      let client = try HTTPTestClient(port: server.port)
      await client.send("POST /a HTTP/1.1\r\nHost: h\r\n\(header)\r\n")
      #expect(try await client.response().status == 413)
      #expect(await client.rest().isEmpty)
    }
  }

  @Test("a chunked body without end is cut off with 413") func endlessBody() async throws {
    try await withServer(handler: echo) { server in
      let client = try HTTPTestClient(port: server.port)
      await client.send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
      let chunk = "10000\r\n" + String(repeating: "a", count: 65_536) + "\r\n"
      var sent = 0
      while sent < 1_000, await client.send(chunk) { sent += 1 }
      #expect(sent < 1_000)
      #expect(await client.rest().hasPrefix("HTTP/1.1 413 "))
    }
  }

  @Test(
    "a request that comes too slowly is 408",
    arguments: [
      "GET / HT", "GET / HTTP/1.1\r\nHost: h\r\nX-Slow: ", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc",
    ])
  func slowRequest(part: String) async throws {
    try await withServer {
      $0.receiveTimeout = .milliseconds(300)
    } handler: { _ in
      .response(.text(200, "too early"))
    } _: { server in
      let client = try HTTPTestClient(port: server.port)
      // Byte by byte: activity must not buy time.
      for byte in part.utf8 {
        await client.send(bytes: [byte])
        try await Task.sleep(for: .milliseconds(1))
      }
      let rest = await client.rest()
      #expect(rest.hasPrefix("HTTP/1.1 408 Request Timeout\r\n"), "\(rest)")
    }
  }

  @Test("an idle connection is closed without a word") func idle() async throws {
    try await withServer {
      $0.idleTimeout = .milliseconds(200)
      $0.receiveTimeout = .milliseconds(400)
    } handler: {
      echo($0)
    } _: { server in
      let client = try HTTPTestClient(port: server.port)
      await client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(try await client.response().status == 200)
      #expect(await client.rest() == "")
    }
  }

  @Test("a deferred answer may take longer than a request may") func slowAnswer() async throws {
    try await withServer {
      $0.receiveTimeout = .milliseconds(100)
    } handler: { _ in
      .deferred {
        try? await Task.sleep(for: .milliseconds(400))
        return .text(200, "late but there")
      }
    } _: { server in
      let client = try HTTPTestClient(port: server.port)
      await client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(try await client.response().body == "late but there")
    }
  }

  @Test(
    "what is no HTTP request is refused",
    arguments: [
      "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", "GET a HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nX-A : b\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nX-A: b\rX-B: c\r\n\r\n",
      "GET /?" + String(repeating: "a&", count: 1_000) + " HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ])
  func malformed(text: String) async throws {
    try await withServer(handler: echo) { server in
      let client = try HTTPTestClient(port: server.port)
      await client.send(text)
      #expect(try await client.head().status == 400)
    }
  }

  @Test("a target beyond its limit is 414, and nothing is read behind it") func longTarget() async throws {
    try await withServer(handler: echo) { server in
      for (count, status) in [(8 * 1024, 200), (8 * 1024 + 1, 414), (20_000, 414)] {
        let client = try HTTPTestClient(port: server.port)
        let request = "GET /\(String(repeating: "a", count: count - 1)) HTTP/1.1\r\nHost: h\r\n\r\n"
        await client.send(request + (status == 200 ? "" : request))
        #expect(try await client.response().status == status)
        if status != 200 { #expect(await client.rest() == "") }
      }
    }
  }

  @Test("HTTP/1.0 may do without a Host") func oldWithoutHost() async throws {
    try await withServer(handler: echo) { server in
      let client = try HTTPTestClient(port: server.port)
      await client.send("GET /a HTTP/1.0\r\n\r\n")
      #expect(try await client.response().status == 200)
    }
  }

  @Test("headers beyond the connection's memory are refused") func hugeHeaders() async throws {
    try await withServer(handler: echo) { server in
      let client = try HTTPTestClient(port: server.port)
      await client.send("GET / HTTP/1.1\r\nHost: h\r\nX-A: \(String(repeating: "a", count: 60_000))\r\n\r\n")
      #expect([431, 413, 400].contains(try await client.head().status))
    }
  }

  @Test("one address holds no more connections than it may") func perAddress() async throws {
    try await withServer {
      $0.connectionsPerAddressMax = 2
    } handler: {
      echo($0)
    } _: { server in
      let first = try HTTPTestClient(port: server.port)
      let second = try HTTPTestClient(port: server.port)
      for client in [first, second] {
        await client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try await client.response().status == 200)
      }
      let third = try HTTPTestClient(port: server.port)
      #expect(await third.rest() == "")
    }
  }

  // MARK: Hanging up and stopping

  @Test("a stream that is answered to a client who has gone is closed") func streamForNobody() async throws {
    struct Silence: HTTPStreamSource {
      func read(into buffer: UnsafeMutableRawBufferPointer) -> HTTPStream.Supply { .nothing }
    }
    let (closed, close) = AsyncStream<Void>.makeStream()
    let (begun, begin) = AsyncStream<Void>.makeStream()
    try await withServer { _ in
      .deferred {
        begin.yield()
        // It ends by being cancelled, which the hang-up does.
        try? await Task.sleep(for: .seconds(30))
        let stream = HTTPStream(Silence())
        stream.onClose { close.yield() }
        return HTTPResponse(status: 200, headers: HTTPHeaders(), stream: stream)
      }
    } _: { server in
      var clients = begun.makeAsyncIterator()
      var streams = closed.makeAsyncIterator()
      for _ in 0..<50 {
        let client = try HTTPTestClient(port: server.port)
        await client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
        await clients.next()
        client.close()
        await streams.next()
      }
    }
  }

  @Test("a client that hangs up cancels its deferred answer") func hangUp() async throws {
    let (cancelled, note) = AsyncStream<Bool>.makeStream()
    let (begun, begin) = AsyncStream<Void>.makeStream()
    let gate = Gate()
    try await withServer { _ in
      .deferred {
        begin.yield()
        await gate.pass()
        note.yield(Task.isCancelled)
        return .text(200, "")
      }
    } _: { server in
      let client = try HTTPTestClient(port: server.port)
      await client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
      for await _ in begun { break }
      client.close()
      for await value in cancelled {
        #expect(value)
        break
      }
    }
  }

  @Test("a stop lets answers in flight finish and takes no new connections") func gracefulStop() async throws {
    let gate = Gate()
    let (begun, begin) = AsyncStream<Void>.makeStream()
    let server = try HTTPServer(HTTPServerConfiguration(port: 0)) { _ in
      .deferred {
        begin.yield()
        await gate.pass()
        return .text(200, Task.isCancelled ? "cancelled" : "finished")
      }
    }
    let idle = try HTTPTestClient(port: server.port)
    let client = try HTTPTestClient(port: server.port)
    await client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")
    for await _ in begun { break }
    async let stopped: Void = server.stop(timeout: .seconds(20))
    #expect(await idle.rest() == "")
    #expect(throws: HTTPTestClient.Failure.self) { try HTTPTestClient(port: server.port) }
    gate.open()
    let response = try await client.response()
    #expect(response.body == "finished")
    #expect(response["Connection"]?.lowercased() == "close")
    await stopped
    #expect(server.connectionCount == 0)
    await server.stop(timeout: .zero)
  }

  @Test("a stop that runs out of time cancels what is in flight and says 503") func forcedStop() async throws {
    let (begun, begin) = AsyncStream<Void>.makeStream()
    let (ended, end) = AsyncStream<Bool>.makeStream()
    let gate = Gate()
    let server = try HTTPServer(HTTPServerConfiguration(port: 0)) { _ in
      .deferred {
        begin.yield()
        await gate.pass()
        end.yield(Task.isCancelled)
        return .text(200, "")
      }
    }
    var clients: [HTTPTestClient] = []
    for _ in 0..<20 { clients.append(try HTTPTestClient(port: server.port)) }
    for client in clients { await client.send("GET /a HTTP/1.1\r\nHost: h\r\n\r\n") }
    var count = 0
    for await _ in begun {
      count += 1
      if count == clients.count { break }
    }
    await server.stop(timeout: .milliseconds(50))
    for client in clients { #expect(try await client.response().status == 503) }
    for await cancelled in ended {
      #expect(cancelled)
      break
    }
  }
}
