import HTTPTestClient
import Synchronization
import Testing

@testable import MicroHTTP

@Suite struct HTTPStreamTests {
  /// Holds the bytes of a stream until they are asked for.
  private final class Outbox: HTTPStreamSource {
    private let bytes = Mutex<ArraySlice<UInt8>>([])
    private let ended = Atomic(false)
    private let owner = Mutex<HTTPStream?>(nil)

    /// After `open`.
    var stream: HTTPStream { self.owner.withLock { $0! } }

    func open() -> HTTPStream {
      let stream = HTTPStream(self)
      self.owner.withLock { $0 = stream }
      return stream
    }

    var count: Int { self.bytes.withLock { $0.count } }

    func push(_ text: String) {
      self.bytes.withLock { $0 += Array(text.utf8) }
      self.stream.wake()
    }

    func end() {
      self.ended.store(true, ordering: .releasing)
      self.stream.wake()
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> HTTPStream.Supply {
      self.bytes.withLock { bytes in
        let count = min(bytes.count, buffer.count)
        guard count > 0 else { return self.ended.load(ordering: .acquiring) ? .end : .nothing }
        buffer.copyBytes(from: bytes.prefix(count))
        bytes.removeFirst(count)
        return .bytes(count)
      }
    }
  }

  /// Serves one new stream per request and hands it to the test.
  private func withStreams(
    _ body: (HTTPServer, inout AsyncStream<Outbox>.Iterator) async throws -> Void
  ) async throws {
    let (outboxes, opened) = AsyncStream<Outbox>.makeStream()
    var iterator = outboxes.makeAsyncIterator()
    let server = try HTTPServer(HTTPServerConfiguration(port: 0)) { _ in
      let outbox = Outbox()
      let stream = outbox.open()
      opened.yield(outbox)
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

  @Test("what is supplied arrives as it is supplied, and the end ends the body") func supplies() async throws {
    try await self.withStreams { server, outboxes in
      let client = try await self.open(server)
      let outbox = try #require(await outboxes.next())
      #expect(try await client.head().status == 200)
      for index in 0..<100 {
        outbox.push("n\(index)")
        #expect(try await client.chunk() == "n\(index)")
      }
      outbox.end()
      #expect(try await client.chunk() == nil)
      // The connection goes on.
      await client.send("HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n")
      #expect(try await client.head().status == 200)
      #expect(await client.rest() == "")
      let second = try #require(await outboxes.next())
      let (closed, close) = AsyncStream<Void>.makeStream()
      second.stream.onClose { close.finish() }
      for await _ in closed {}
    }
  }

  @Test("a client that goes closes its stream, though nothing is supplied") func hangUp() async throws {
    try await self.withStreams { server, outboxes in
      let client = try await self.open(server)
      let outbox = try #require(await outboxes.next())
      #expect(try await client.head().status == 200)
      let (closed, close) = AsyncStream<Void>.makeStream()
      outbox.stream.onClose { close.finish() }
      client.close()
      for await _ in closed {}
      #expect(outbox.stream.isClosed)
    }
  }

  @Test("one that never reads is asked for no more than it takes, and delays nobody") func slowReader() async throws {
    try await self.withStreams { server, outboxes in
      let slow = try await self.open(server, receiveBufferBytes: 4_096)
      let slowOutbox = try #require(await outboxes.next())
      // More than the sockets of both sides hold.
      slowOutbox.push(String(repeating: "a", count: 32 << 20))
      var readers: [(HTTPTestClient, Outbox)] = []
      for _ in 0..<100 {
        let client = try await self.open(server)
        readers.append((client, try #require(await outboxes.next())))
        #expect(try await client.head().status == 200)
      }
      for round in 0..<20 {
        for (_, outbox) in readers { outbox.push("r\(round)") }
        for (client, _) in readers { #expect(try await client.chunk() == "r\(round)") }
      }
      #expect(slowOutbox.count > 0)
      slow.close()
    }
  }

  @Test("a stop ends open streams after what there is") func stopEndsStreams() async throws {
    try await self.withStreams { server, outboxes in
      var clients: [HTTPTestClient] = []
      for _ in 0..<20 {
        let client = try await self.open(server)
        try #require(await outboxes.next()).push("last")
        clients.append(client)
      }
      // One that never reads does not hold it up for longer than the timeout.
      let stuck = try await self.open(server, receiveBufferBytes: 4_096)
      let stuckOutbox = try #require(await outboxes.next())
      stuckOutbox.push(String(repeating: "a", count: 32 << 20))
      await server.stop(timeout: .milliseconds(500))
      for client in clients {
        #expect(try await client.head().status == 200)
        #expect(try await client.chunk() == "last")
        #expect(try await client.chunk() == nil)
      }
      #expect(stuckOutbox.stream.isClosed)
      stuck.close()
    }
  }
}
