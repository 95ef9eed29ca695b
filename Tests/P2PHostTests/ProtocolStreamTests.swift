import P2PCore
import Testing

@testable import HostTestKit
@testable import P2PHost

@Suite("A protocol stream", .timeLimit(.minutes(1)))
struct ProtocolStreamTests {
  private static let header = VarintFramer.frame(Array("/multistream/1.0.0\n".utf8))

  private static func line(_ text: String) -> [UInt8] { VarintFramer.frame(Array("\(text)\n".utf8)) }

  /// A connection between two bare transports, and the stream that arrives at the far end.
  private struct Link {
    let connection: MemoryConnection
    let remote: MemoryTransport
    let streams: AsyncStream<any P2PCore.Stream>

    init(capacity: Int = 65_536) async throws {
      let network = MemoryNetwork()
      let local = MemoryTransport(
        key: Node.key(1), network: network, addresses: [Node.address(1)], streamCapacity: capacity)
      self.remote = Node.transport(2, network)
      let (streams, sink) = AsyncStream.makeStream(of: (any P2PCore.Stream).self)
      self.streams = streams
      try await self.remote.start { event in
        if case .stream(let stream, _) = event { sink.yield(stream) }
      }
      self.connection = try await local.dialMemory(Node.address(2))
    }

    func accepted() async throws -> any P2PCore.Stream {
      var iterator = self.streams.makeAsyncIterator()
      return try #require(await iterator.next())
    }
  }

  /// A stream whose remote sent `pieces` one by one, and finished.
  private static func stream(receiving pieces: [[UInt8]], finish: Bool = true) -> ProtocolStream {
    let pipe = ScriptedStream(pieces: pieces, finish: finish)
    return ProtocolStream(pipe)
  }

  @Test("reads exactly what is asked however the bytes are split", arguments: [1, 2, 3, 5, 7, 64, 1000])
  func exact(size: Int) async throws {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
    let pieces = stride(from: 0, to: 1000, by: size).map { Array(bytes[$0..<min($0 + size, 1000)]) }
    let stream = Self.stream(receiving: pieces)
    var got: [UInt8] = []
    for count in [1, 32, 1, 500, 66] { got += try #require(try await stream.read(exactly: count)) }
    got += try #require(try await stream.read(upTo: 100))
    while let more = try await stream.read(upTo: 100) {
      #expect(more.count <= 100)
      got += more
    }
    #expect(got == bytes)
    #expect(try await stream.read(exactly: 1) == nil)
    #expect(try await stream.read(upTo: 1) == nil)
  }

  @Test("tells a clean end from one in the middle")
  func ends() async throws {
    let clean = Self.stream(receiving: [[1, 2]])
    #expect(try await clean.read(exactly: 2) == [1, 2])
    #expect(try await clean.read(exactly: 2) == nil)
    await #expect(throws: ProtocolStreamError.unexpectedEnd) {
      try await Self.stream(receiving: [[1, 2]]).read(exactly: 3)
    }
    #expect(try await Self.stream(receiving: []).readMessage(maximum: 10) == nil)
    for cut in [[0x80], [3], [3, 1, 2]] as [[UInt8]] {
      await #expect(throws: ProtocolStreamError.unexpectedEnd) {
        try await Self.stream(receiving: [cut]).readMessage(maximum: 1000)
      }
    }
  }

  @Test("reads messages however the bytes are split", arguments: [1, 2, 3, 200, 1000])
  func messages(size: Int) async throws {
    let messages: [[UInt8]] = [[], [1], Array(repeating: 7, count: 127), Array(repeating: 9, count: 300), [2, 3]]
    let bytes = messages.flatMap { VarintFramer.frame($0) }
    let stream = Self.stream(
      receiving: stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) })
    for message in messages { #expect(try await stream.readMessage(maximum: 300) == message) }
    #expect(try await stream.readMessage(maximum: 300) == nil)
  }

  @Test("reads a message larger than what is reserved for it, and what came along stays for the next")
  func largeMessage() async throws {
    let large = (0..<ProtocolStream.reservedMax + 100_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
    let bytes = VarintFramer.frame([1]) + VarintFramer.frame(large) + VarintFramer.frame([2, 3])
    let stream = Self.stream(receiving: [bytes])
    #expect(try await stream.readMessage(maximum: 1) == [1])
    #expect(stream.buffered == ProtocolStream.messageReadSize - 2)
    #expect(try await stream.readMessage(maximum: large.count) == large)
    // Malloc gives an array a little more room than was asked for.
    #expect(stream.buffered < 4_096)
    #expect(try await stream.readMessage(maximum: 2) == [2, 3])
    #expect(try await stream.readMessage(maximum: 2) == nil)
  }

  @Test(
    "refuses a message length before it reads the message",
    arguments: [
      ([0xad, 0x02], .messageTooLong(limit: 300)),
      ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], .messageTooLong(limit: 300)),
      ([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], .messageTooLong(limit: 300)),
      ([0x81, 0x00], .violation("a message length that is not minimally encoded")),
    ] as [([UInt8], ProtocolStreamError)])
  func badLengths(bytes: [UInt8], error: ProtocolStreamError) async {
    await #expect(throws: error) {
      try await Self.stream(receiving: [bytes], finish: false).readMessage(maximum: 300)
    }
  }

  @Test("sends proposal and payload in one write and looks at the answer at the first read")
  func lazy() async throws {
    let link = try await Link()
    let stream = try await ProtocolStream.open(
      on: link.connection, protocols: ["/a/1"], firstPayload: [1, 2, 3], finish: true)
    let remote = try await link.accepted()
    #expect(try await remote.read(upTo: 1000) == Self.header + Self.line("/a/1") + [1, 2, 3])
    #expect(try await remote.read(upTo: 1000) == nil)
    try await remote.write(Self.header + Self.line("/a/1") + [4, 5], finish: true)
    #expect(try await stream.read(upTo: 1) == [4])
    #expect(try await stream.read(upTo: 10) == [5])
    #expect(try await stream.read(upTo: 10) == nil)
    try await stream.finish()
    await #expect(throws: ProtocolStreamError.stream(.finished)) { try await stream.write([1]) }
  }

  @Test("waits for the answer when it has several protocols to offer")
  func several() async throws {
    let link = try await Link()
    async let opening = ProtocolStream.open(
      on: link.connection, protocols: ["/a/2", "/a/1"], firstPayload: [9], finish: true)
    let remote = try await link.accepted()
    #expect(try await remote.read(upTo: 1000) == Self.header + Self.line("/a/2"))
    try await remote.write(Self.header + Self.line("na"), finish: false)
    #expect(try await remote.read(upTo: 1000) == Self.line("/a/1"))
    try await remote.write(Self.line("/a/1") + [7], finish: true)
    let stream = try await opening
    #expect(try await remote.read(upTo: 1000) == [9])
    #expect(try await stream.read(upTo: 10) == [7])
  }

  @Test(
    "fails the negotiation when the remote refuses, babbles, ends or resets",
    arguments: [
      (header + line("na"), false, "the remote supports none of /a/1"),
      (header + line("/b/1"), false, "/b/1"),
      (Array(repeating: UInt8(ascii: "G"), count: 100), false, "multistream-select"),
      (header, true, "finished before it answered"),
      ([0xff, 0xff, 0xff, 0x7f], false, "line of more than"),
    ] as [([UInt8], Bool, String)])
  func refusedNegotiation(answer: [UInt8], finish: Bool, words: String) async throws {
    let link = try await Link()
    let stream = try await ProtocolStream.open(on: link.connection, protocols: ["/a/1"])
    let remote = try await link.accepted()
    try await remote.write(answer, finish: finish)
    do {
      _ = try await stream.readMessage(maximum: 10)
      Issue.record("read from a stream without a protocol")
    } catch {
      guard case .notNegotiated = error else { throw error }
      #expect("\(error)".contains(words), "\(error)")
    }
    #expect(try await stream.read(upTo: 10) == nil)
  }

  @Test("passes on what the transport says")
  func transportErrors() async throws {
    let link = try await Link()
    let stream = try await ProtocolStream.open(on: link.connection, protocols: ["/a/1"])
    let remote = try await link.accepted()
    remote.reset(code: 0x1001)
    await #expect(throws: ProtocolStreamError.stream(.reset(code: 0x1001))) { try await stream.read(upTo: 1) }
    await #expect(throws: ProtocolStreamError.stream(.reset(code: 0x1001))) { try await stream.write([1]) }
    link.connection.close(code: 0, reason: "over")
    await #expect(throws: ProtocolStreamError.stream(.connectionClosed("closed"))) {
      _ = try await ProtocolStream.open(on: link.connection, protocols: ["/a/1"])
    }
  }

  @Test("every error has words and a code")
  func errorWords() {
    let errors: [ProtocolStreamError] = [
      .stream(.reset(code: 0x1001)), .stream(.resetLocally), .stream(.connectionClosed("gone")), .stream(.cancelled),
      .stream(.finished), .notNegotiated("why"), .unexpectedEnd, .messageTooLong(limit: 5), .violation("what"),
      .frameTooLong(size: 6, limit: 5),
    ]
    #expect(Set(errors.map(\.description)).count == errors.count)
    #expect(errors.map(\.streamCode) == [0, 0, 0, 0, 0, 0x1001, 0x1004, 0x1002, 0x1004, 0x1002])
  }
}

/// A stream that yields `pieces`, one a read, and swallows what is written.
private actor ScriptedStream: P2PCore.Stream {
  nonisolated let id: Int64 = 0
  nonisolated let direction = Direction.inbound
  private var pieces: [[UInt8]]
  private let finish: Bool

  init(pieces: [[UInt8]], finish: Bool) {
    self.pieces = pieces
    self.finish = finish
  }

  func read(upTo maximum: Int) async throws(StreamError) -> [UInt8]? {
    guard let first = self.pieces.first else {
      if self.finish { return nil }
      throw .connectionClosed("script over")
    }
    if first.count <= maximum {
      self.pieces.removeFirst()
      return first
    }
    self.pieces[0] = Array(first.dropFirst(maximum))
    return Array(first.prefix(maximum))
  }

  func write(_ bytes: [UInt8], finish: Bool) async throws(StreamError) {}
  nonisolated func reset(code: UInt64) {}
  nonisolated func stopReading(code: UInt64) {}
}
