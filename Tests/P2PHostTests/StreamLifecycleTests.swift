import P2PCore
import Testing

@testable import HostTestKit
@testable import P2PHost

/// What each end of a stream sees of what the other one does, in memory; QUICTests has the same over QUIC.
@Suite("The life of a stream", .timeLimit(.minutes(1)))
struct StreamLifecycleTests {
  private static let id = "/life/1"
  private static let answer = Attacker.proposal(id)

  /// What a handler met, in order.
  private struct Meeting {
    let node: Node
    let attacker: Attacker
    let stream: MemoryStream
    let words: AsyncStream<String>

    func next() async -> String? {
      var iterator = self.words.makeAsyncIterator()
      return await iterator.next()
    }
  }

  /// A stream that has been agreed on and whose handler runs `body`, which says what it meets.
  private static func meet(
    capacity: Int = 65_536, clock: TestClock? = nil, limits: ProtocolLimits = ProtocolLimits(),
    _ body: @escaping @Sendable (ProtocolStream, (String) -> Void) async throws -> Void
  ) async throws -> Meeting {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network, clock: clock) { $0.limits.identifyTimeout = .seconds(1_000) }
    let (words, word) = AsyncStream.makeStream(of: String.self)
    try await node.host.register(
      ClosureHandler(Self.id, options: ProtocolOptions(limits: limits)) { stream, _ in
        do {
          try await body(stream) { word.yield($0) }
          word.yield("returned")
        } catch {
          word.yield("\(error)")
          throw error
        }
      })
    let attacker = try await Attacker(2, against: node, network, streamCapacity: capacity)
    let stream = try attacker.open()
    try await stream.write(Self.answer, finish: false)
    #expect(try await Attacker.read(Self.answer.count, from: stream) == Self.answer)
    return Meeting(node: node, attacker: attacker, stream: stream, words: words)
  }

  private static func expectOver(_ meeting: Meeting) async throws {
    #expect(try await eventually { meeting.node.host.router.streams == 0 })
    #expect(try await eventually { meeting.stream.isDone })
  }

  @Test("goes on in one direction when the opener has ended the other")
  func openerFinishes() async throws {
    let meeting = try await Self.meet { stream, say in
      while let bytes = try await stream.read(upTo: 100) { say("\(bytes)") }
      try await stream.write([1, 2])
      try await stream.write([3])
    }
    try await meeting.stream.write([9], finish: true)
    #expect(await meeting.next() == "[9]")
    #expect(try await Attacker.read(3, from: meeting.stream) == [1, 2, 3])
    #expect(try await meeting.stream.read(upTo: 1) == nil)
    try await Self.expectOver(meeting)
  }

  @Test("goes on in one direction when the handler has ended the other")
  func handlerFinishes() async throws {
    let meeting = try await Self.meet { stream, say in
      try await stream.write([5], finish: true)
      while let bytes = try await stream.read(upTo: 100) { say("\(bytes)") }
      do { try await stream.write([6]) } catch { say("\(error)") }
      try await stream.finish()
    }
    #expect(try await Attacker.read(1, from: meeting.stream) == [5])
    #expect(try await meeting.stream.read(upTo: 1) == nil)
    try await meeting.stream.write([7], finish: false)
    #expect(await meeting.next() == "[7]")
    try await meeting.stream.write([8], finish: true)
    #expect(await meeting.next() == "[8]")
    #expect(await meeting.next() == "the stream was finished already")
    #expect(await meeting.next() == "returned")
    try await Self.expectOver(meeting)
  }

  @Test("ends for the handler when the opener resets it")
  func openerResets() async throws {
    let meeting = try await Self.meet { stream, _ in _ = try await stream.read(upTo: 100) }
    meeting.stream.reset(code: 0x1234)
    #expect(await meeting.next() == "the remote reset the stream (code 0x1234)")
    try await Self.expectOver(meeting)
  }

  @Test("ends for the opener when the handler throws, whatever it waits for")
  func handlerResets() async throws {
    let meeting = try await Self.meet(capacity: 100) { stream, say in
      say("waits")
      while try await stream.read(upTo: 1)?.first != 0 {}
      throw ProtocolStreamError.violation("zero")
    }
    #expect(await meeting.next() == "waits")
    let stream = meeting.stream
    let bytes = [UInt8](repeating: 1, count: 99) + [0] + [UInt8](repeating: 1, count: 900)
    let writing = Task { try await stream.write(bytes, finish: false) }
    let reading = Task { try await stream.read(upTo: 10) }
    await #expect(throws: StreamError.reset(code: StreamCode.protocolViolation)) { try await writing.value }
    await #expect(throws: StreamError.reset(code: StreamCode.protocolViolation)) { try await reading.value }
    try await Self.expectOver(meeting)
  }

  @Test("takes no more of what the handler sends once the opener stops it, and goes on the other way")
  func openerStops() async throws {
    let meeting = try await Self.meet { stream, say in
      while let bytes = try await stream.read(upTo: 1) {
        do { try await stream.write(bytes) } catch { say("\(error)") }
      }
    }
    meeting.stream.stopReading(code: 0x42)
    try await meeting.stream.write([1], finish: false)
    #expect(await meeting.next() == "the remote reset the stream (code 0x42)")
    try await meeting.stream.write([2], finish: true)
    #expect(await meeting.next() == "the stream was finished already")
    #expect(await meeting.next() == "returned")
    try await Self.expectOver(meeting)
  }

  @Test("ends with its connection, for a reader and for a writer that waits for room", arguments: [true, false])
  func idleTimeout(reads: Bool) async throws {
    let meeting = try await Self.meet(capacity: 100) { stream, say in
      say("waits")
      if reads {
        _ = try await stream.read(upTo: 100)
      } else {
        try await stream.write([UInt8](repeating: 1, count: 1_000))
      }
    }
    #expect(await meeting.next() == "waits")
    meeting.attacker.connection.vanish()
    #expect(await meeting.next() == "the connection is gone: idle_timeout")
    #expect(try await eventually { meeting.node.host.router.streams == 0 })
    let info = await meeting.node.host.protocols().first { $0.ids == [Self.id] }
    // Nobody reset it.
    #expect(info?.resets.reduce(0, +) == 0)
  }

  @Test("is over when the handler's task is cancelled while it reads or waits for room", arguments: [true, false])
  func handlerCancelled(reads: Bool) async throws {
    let clock = TestClock()
    let meeting = try await Self.meet(capacity: 100, clock: clock, limits: ProtocolLimits(lifetime: .seconds(1))) {
      stream, say in
      say("waits")
      if reads {
        _ = try await stream.read(upTo: 100)
      } else {
        try await stream.write([UInt8](repeating: 1, count: 1_000))
      }
    }
    #expect(await meeting.next() == "waits")
    for _ in 0..<2 {
      await clock.sleeper(of: .seconds(1))
      clock.advance(by: .seconds(1))
    }
    let ended = await meeting.next()
    // Whichever is first: the cancellation or the reset.
    #expect(["cancelled", "the stream was reset by this node"].contains(ended))
    await #expect(throws: StreamError.reset(code: StreamCode.garbageCollected)) {
      while try await meeting.stream.read(upTo: 100) != nil {}
    }
    try await Self.expectOver(meeting)
  }

  enum Moment: CaseIterable { case unopened, unanswered, reading, writing, finished }

  @Test("leaves nothing behind when its opener's task is cancelled at any moment", arguments: Moment.allCases)
  func openerCancelled(at moment: Moment) async throws {
    let network = MemoryNetwork()
    let node = Node(1, network, streamCapacity: 200)
    try await node.host.start()
    // Reads nothing and answers nothing, but a protocol where one is to be agreed on.
    let remote = Node.transport(2, network)
    let (streams, arrived) = AsyncStream.makeStream(of: MemoryStream.self)
    try await remote.start { event in
      if case .stream(let stream as MemoryStream, _) = event { arrived.yield(stream) }
    }
    _ = await node.host.dial(peer: remote.peer, addresses: [Node.address(2)], timeout: nil)
    let connection = try #require(await node.host.liveConnection(to: remote.peer))
    var iterator = streams.makeAsyncIterator()
    // Identify.
    _ = await iterator.next()

    let (waits, waiting) = AsyncStream.makeStream(of: Void.self)
    let (starts, start) = AsyncStream.makeStream(of: Void.self)
    let task = Task { () -> ProtocolStreamError? in
      if moment == .unopened {
        var iterator = starts.makeAsyncIterator()
        await iterator.next()
      }
      do throws(ProtocolStreamError) {
        let protocols = moment == .unanswered ? ["/a", "/b"] : ["/a"]
        let stream = try await ProtocolStream.open(on: connection, protocols: protocols, finish: moment == .finished)
        waiting.yield()
        do throws(ProtocolStreamError) {
          switch moment {
          case .unopened, .unanswered: return nil
          case .reading: _ = try await stream.read(upTo: 1)
          case .writing: try await stream.write([UInt8](repeating: 0, count: 1_000))
          case .finished: try await stream.conclude()
          }
        } catch {
          stream.reset(code: error.streamCode)
          throw error
        }
        return nil
      } catch {
        return error
      }
    }
    if moment == .unopened {
      task.cancel()
      start.yield()
    } else {
      let stream = try #require(await iterator.next())
      if moment != .unanswered {
        var started = waits.makeAsyncIterator()
        await started.next()
      }
      if moment == .writing { #expect(try await eventually { stream.incoming.waiting == 200 }) }
      task.cancel()
      _ = await task.value
      #expect(try await eventually { stream.isDone })
      #expect(stream.incoming.error == .reset(code: StreamCode.none) || moment == .finished)
    }
    let error = await task.value
    #expect(error == .stream(.cancelled))
    // Identify's stream is left.
    let memory = try #require(connection as? MemoryConnection)
    #expect(try await eventually { memory.openStreams.count == 1 })
    #expect(!memory.isClosed)
  }
}
