import HTTPTestClient
import Synchronization
import Testing

@testable import MicroHTTP

@Suite struct HTTPStreamTests {
  /// Serves one new stream per request and hands it to the test.
  private func withStreams(
    limits: HTTPStream.Limits = HTTPStream.Limits(),
    _ body: (HTTPServer, inout AsyncStream<HTTPStream>.Iterator) async throws -> Void
  ) async throws {
    let (streams, opened) = AsyncStream<HTTPStream>.makeStream()
    var iterator = streams.makeAsyncIterator()
    let server = try HTTPServer(HTTPServerConfiguration(port: 0)) { _ in
      let stream = HTTPStream(limits: limits)
      opened.yield(stream)
      return .response(
        HTTPResponse(status: 200, headers: HTTPHeaders([("Content-Type", "text/plain")]), stream: stream))
    }
    do {
      try await body(server, &iterator)
    } catch {
      await server.stop(timeout: .zero)
      throw error
    }
    await server.stop(timeout: .seconds(2))
  }

  private func open(_ server: HTTPServer, receiveBufferBytes: Int32? = nil) async throws -> HTTPTestClient {
    let client = try HTTPTestClient(port: server.port, receiveBufferBytes: receiveBufferBytes)
    await client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n")
    return client
  }

  @Test("what is pushed arrives as it is pushed, and the end ends the body") func pushes() async throws {
    try await self.withStreams { server, streams in
      let client = try await self.open(server)
      let stream = try #require(await streams.next())
      #expect(try await client.head().status == 200)
      for index in 0..<100 {
        #expect(stream.push(Array("n\(index)".utf8)))
        #expect(try await client.chunk() == "n\(index)")
      }
      stream.finish()
      #expect(!stream.push([1]))
      #expect(try await client.chunk() == nil)
      // The connection goes on.
      await client.send("HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(try await client.head().status == 200)
      #expect(await client.rest() == "")
      let second = try #require(await streams.next())
      let (closed, close) = AsyncStream<Void>.makeStream()
      second.onClose { close.finish() }
      for await _ in closed {}
    }
  }

  @Test("a client that goes closes its stream, though nothing is pushed") func hangUp() async throws {
    try await self.withStreams { server, streams in
      let client = try await self.open(server)
      let stream = try #require(await streams.next())
      #expect(try await client.head().status == 200)
      let (closed, close) = AsyncStream<Void>.makeStream()
      stream.onClose { close.finish() }
      client.close()
      for await _ in closed {}
      #expect(stream.isClosed)
      #expect(!stream.push([1]))
    }
  }

  @Test("the queue is bounded, and what is pending can be replaced") func overflow() async throws {
    var limits = HTTPStream.Limits()
    limits.items = 4
    limits.bytes = 100
    let stream = HTTPStream(limits: limits)
    for _ in 0..<4 { #expect(stream.push([1])) }
    #expect(!stream.push([1]))
    stream.replacePending(with: [2])
    #expect(stream.push([UInt8](repeating: 3, count: 99)))
    #expect(!stream.push([1]))
  }

  @Test("one that never reads delays nobody and is reset in place") func slowReader() async throws {
    var limits = HTTPStream.Limits()
    limits.items = 16
    try await self.withStreams(limits: limits) { server, streams in
      let slow = try await self.open(server, receiveBufferBytes: 4_096)
      let slowStream = try #require(await streams.next())
      var readers: [(HTTPTestClient, HTTPStream)] = []
      for _ in 0..<100 {
        let client = try await self.open(server)
        readers.append((client, try #require(await streams.next())))
        #expect(try await client.head().status == 200)
      }
      let event = [UInt8](repeating: 0x61, count: 60_000)
      var overflowed = false
      for round in 0..<200 {
        if !slowStream.push(event) {
          overflowed = true
          slowStream.replacePending(with: Array("reset".utf8))
        }
        for (_, stream) in readers { #expect(stream.push(Array("r\(round)".utf8))) }
        for (client, _) in readers { #expect(try await client.chunk() == "r\(round)") }
        if overflowed { break }
      }
      #expect(overflowed)
      slowStream.finish()
      let text = await Task { () -> String in
        var text = ""
        do {
          _ = try await slow.head()
          while let chunk = try await slow.chunk() { text += chunk }
        } catch {
          Issue.record(error)
        }
        return text
      }.value
      #expect(text.hasSuffix("reset"))
      // Whole events only: nothing that had begun was torn.
      #expect((text.utf8.count - "reset".utf8.count) % event.count == 0)
    }
  }

  @Test("a stop ends open streams after what is queued") func stopEndsStreams() async throws {
    try await self.withStreams { server, streams in
      var clients: [HTTPTestClient] = []
      for _ in 0..<20 {
        let client = try await self.open(server)
        #expect(try #require(await streams.next()).push(Array("last".utf8)))
        clients.append(client)
      }
      // One that never reads does not hold it up for longer than the timeout.
      let stuck = try await self.open(server, receiveBufferBytes: 4_096)
      let stuckStream = try #require(await streams.next())
      while stuckStream.push([UInt8](repeating: 0, count: 65_536)) {}
      await server.stop(timeout: .milliseconds(500))
      for client in clients {
        #expect(try await client.head().status == 200)
        #expect(try await client.chunk() == "last")
        #expect(try await client.chunk() == nil)
      }
      #expect(stuckStream.isClosed)
      stuck.close()
    }
  }
}
