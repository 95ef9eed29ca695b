import Glibc
import GnuTLS
import P2PCore
import Synchronization
import Testing

@testable import P2PHost
@testable import QUIC

/// Does what a closure says, under one id.
private struct ClosureHandler: ProtocolHandler {
  static let id = "test/life/v1.0.0"

  var options = ProtocolOptions()
  let body: @Sendable (ProtocolStream) async throws -> Void

  var serves: ServedProtocol { .ids([Self.id]) }

  func handle(_ stream: ProtocolStream, from peer: RemotePeer) async throws { try await self.body(stream) }
}

/// Sends frames back, without a task.
private final class CallbackEcho: CallbackHandler {
  let serves = ServedProtocol.ids([ClosureHandler.id])
  let options: ProtocolOptions

  init(_ options: ProtocolOptions = ProtocolOptions()) { self.options = options }

  func handle(_ stream: ProtocolStream, from peer: RemotePeer) async throws {
    Issue.record("a task was made on the transport's thread")
  }

  func serve(
    _ stream: ProtocolStream, from peer: RemotePeer, done: @escaping @Sendable (Result<Void, any Error>) -> Void
  ) {
    Session(stream, done).streamIsReadable()
  }

  private final class Session: StreamReader {
    let stream: ProtocolStream
    let done: @Sendable (Result<Void, any Error>) -> Void

    init(_ stream: ProtocolStream, _ done: @escaping @Sendable (Result<Void, any Error>) -> Void) {
      self.stream = stream
      self.done = done
    }

    func streamIsReadable() {
      do {
        while true {
          switch try self.stream.messageNow(maximum: 1_000) {
          case .wait: return self.stream.wake(self)
          case .end: return self.done(.success(()))
          case .message(let frame):
            guard try self.stream.writeNow(VarintFramer.frame(frame), finish: false) else { throw CancellationError() }
          case .large: throw CancellationError()
          }
        }
      } catch {
        self.done(.failure(error))
      }
    }
  }
}

/// A host that serves one handler, a bare transport, and a connection from the second to the first.
private struct Meeting: Sendable {
  let host: Host
  let transport: QUICTransport
  let client: QUICTransport
  let connection: any Connection

  init(
    _ options: ProtocolOptions = ProtocolOptions(), client: QUICConfiguration = QUICConfiguration(),
    _ body: @escaping @Sendable (ProtocolStream) async throws -> Void
  ) async throws {
    try await self.init(ClosureHandler(options: options, body: body), client: client)
  }

  init(_ handler: any ProtocolHandler, client: QUICConfiguration = QUICConfiguration()) async throws {
    let identity = try IdentityKey.generate(.ed25519)
    self.transport = try QUICTransport(
      identity: identity, addresses: [Multiaddr("/ip4/127.0.0.1/udp/0/quic-v1")], configuration: QUICConfiguration())
    self.host = Host(
      configuration: HostConfiguration(
        localPeer: identity.peerID, publicKey: identity.publicKey, agentVersion: "fednode/test"),
      transport: self.transport, events: EventLog(bootID: "000000000000"), clock: .system(wall: { 0 }),
      services: HostServices(resolve: { _, _ in [] }, interfaces: { [] }))
    try await self.host.start()
    try await self.host.register(handler)
    self.client = try QUICTransport(
      identity: try IdentityKey.generate(.ed25519), addresses: [], configuration: client)
    // Identify finds a stream that says nothing.
    try await self.client.start { _ in }
    self.connection = try await self.client.dial(
      self.transport.listenAddresses[0], expecting: identity.peerID, timeout: .seconds(5))
  }

  var info: ProtocolInfo {
    get async { await self.host.protocols().first { $0.ids == [ClosureHandler.id] }! }
  }

  func open(_ payload: [UInt8] = [], finish: Bool = false) async throws -> ProtocolStream {
    try await ProtocolStream.open(
      on: self.connection, protocols: [ClosureHandler.id], firstPayload: payload, finish: finish)
  }

  /// All streams are over, and the connection is not.
  func expectOver() async throws {
    #expect(await eventually { self.host.router.streams == 0 })
    #expect(
      await eventually { await self.host.connections(ConnectionQuery()).items.first?.statistics?.streamsInbound == 0 })
  }

  func stop() async {
    await self.client.shutdown(code: 0, timeout: .seconds(1))
    await self.host.shutdown(timeout: .milliseconds(100))
    self.client.stop()
    self.transport.stop()
  }
}

private func expectReset(_ stream: ProtocolStream, _ code: UInt64) async {
  await #expect(throws: ProtocolStreamError.stream(.reset(code: code))) {
    while try await stream.read(upTo: 4_096) != nil {}
  }
}

@Suite("A handler over QUIC", .timeLimit(.minutes(1))) struct HandlerTests {
  @Test("is served however the proposal is cut", arguments: [1, 7, 20, 1_000])
  func split(size: Int) async throws {
    let meeting = try await Meeting { stream in
      while let bytes = try await stream.read(upTo: 100) { try await stream.write(bytes) }
    }
    let stream = try await meeting.connection.openStream()
    let proposal = MultistreamInitiator.proposal(of: ClosureHandler.id)
    let bytes = proposal + [1, 2, 3]
    for start in stride(from: 0, to: bytes.count, by: size) {
      try await stream.write(Array(bytes[start..<min(start + size, bytes.count)]), finish: false)
      try await Task.sleep(for: .milliseconds(1))
    }
    try await stream.write([], finish: true)
    var got: [UInt8] = []
    while let more = try await stream.read(upTo: 100) { got += more }
    #expect(got == bytes)
    try await meeting.expectOver()
    await meeting.stop()
  }

  @Test("that is called back serves any number of frames, and its side ends behind the last")
  func calledBack() async throws {
    let meeting = try await Meeting(CallbackEcho())
    for count in [0, 1, 100] {
      let stream = try await meeting.open(count == 1 ? VarintFramer.frame([0]) : [])
      for index in 0..<count {
        if count > 1 { try await stream.write(VarintFramer.frame([UInt8(index)])) }
        #expect(try await stream.readMessage(maximum: 10) == [UInt8(index)])
      }
      try await stream.finish()
      #expect(try await stream.readMessage(maximum: 10) == nil)
    }
    try await meeting.expectOver()
    #expect(await meeting.info.opened == 3)
    await meeting.stop()
  }

  @Test("that is called back resets its stream with the code of its error, and hears of the opener's reset")
  func calledBackFails() async throws {
    let meeting = try await Meeting(CallbackEcho())
    let stream = try await meeting.open(VarintFramer.frame([UInt8](repeating: 1, count: 1_001)))
    await expectReset(stream, StreamCode.resourceLimitExceeded)
    let second = try await meeting.open(VarintFramer.frame([1]))
    #expect(try await second.readMessage(maximum: 10) == [1])
    second.reset(code: 77)
    try await meeting.expectOver()
    let info = await meeting.info
    #expect(info.opened == 2 && info.open == 0)
    #expect(meeting.host.counters.snapshot().handlersFailed == 2)
    await meeting.stop()
  }

  @Test("that is called back is over when its stream has lived too long")
  func calledBackLate() async throws {
    let meeting = try await Meeting(CallbackEcho(ProtocolOptions(limits: ProtocolLimits(lifetime: .seconds(1)))))
    let stream = try await meeting.open(VarintFramer.frame([1]))
    #expect(try await stream.readMessage(maximum: 10) == [1])
    await expectReset(stream, StreamCode.garbageCollected)
    try await meeting.expectOver()
    await meeting.stop()
  }

  @Test("goes on in one direction when the other has ended, on either side", arguments: [true, false])
  func halfClose(openerFirst: Bool) async throws {
    let meeting = try await Meeting { stream in
      if !openerFirst { try await stream.write([0], finish: true) }
      var sum: UInt8 = 0
      while let bytes = try await stream.read(upTo: 100) { sum = bytes.reduce(sum, &+) }
      if openerFirst {
        try await stream.write([sum])
      } else if sum != 6 {
        throw ProtocolStreamError.violation("\(sum)")
      }
    }
    let stream = try await meeting.open([1], finish: false)
    if !openerFirst {
      #expect(try await stream.read(exactly: 1) == [0])
      #expect(try await stream.read(upTo: 1) == nil)
    }
    try await stream.write([2])
    try await stream.write([3], finish: true)
    if openerFirst {
      #expect(try await stream.read(exactly: 1) == [6])
      #expect(try await stream.read(upTo: 1) == nil)
    }
    try await meeting.expectOver()
    #expect(await meeting.info.resets.reduce(0, +) == 0)
    await meeting.stop()
  }

  @Test("hears of a reset by the opener, and the opener of one by the handler, with its code")
  func resets() async throws {
    let meeting = try await Meeting { stream in
      while let byte = try await stream.read(exactly: 1)?.first {
        if byte == 0 { throw ProtocolStreamError.violation("zero") }
      }
    }
    let first = try await meeting.open([1])
    #expect(await eventually { await meeting.info.open == 1 })
    first.reset(code: StreamCode.supplanted)
    try await meeting.expectOver()
    #expect(await meeting.info.resets[StreamCode.index(of: StreamCode.supplanted)] == 1)
    await expectReset(try await meeting.open([1, 0]), StreamCode.protocolViolation)
    try await meeting.expectOver()
    #expect(await meeting.info.resets.reduce(0, +) == 2)
    await meeting.stop()
  }

  @Test("learns that the opener wants no more of what it sends, and still hears it")
  func stops() async throws {
    let heard = Box<[UInt8]>([])
    let failure = Box<ProtocolStreamError?>(nil)
    let meeting = try await Meeting { stream in
      while let bytes = try await stream.read(upTo: 1) {
        heard.set(heard.value + bytes)
        do throws(ProtocolStreamError) { try await stream.write(bytes) } catch { failure.set(failure.value ?? error) }
      }
    }
    let stream = try await meeting.connection.openStream()
    let proposal = MultistreamInitiator.proposal(of: ClosureHandler.id)
    try await stream.write(proposal, finish: false)
    var got = 0
    while got < proposal.count { got += try #require(try await stream.read(upTo: 100)).count }
    stream.stopReading(code: 0x42)
    for byte in UInt8(1)...50 {
      try await stream.write([byte], finish: byte == 50)
      try await Task.sleep(for: .milliseconds(1))
    }
    try await meeting.expectOver()
    #expect(heard.value == Array(1...50))
    #expect(failure.value == .stream(.reset(code: StreamCode.none)))
    await meeting.stop()
  }

  @Test("is woken when the opener stops what it waits to send")
  func stopsWriter() async throws {
    let failure = Box<ProtocolStreamError?>(nil)
    let meeting = try await Meeting { stream in
      do throws(ProtocolStreamError) {
        while true { try await stream.write([UInt8](repeating: 0, count: 65_536)) }
      } catch {
        failure.set(error)
      }
      // It still hears the opener.
      if try await stream.read(exactly: 1) != [9] { throw ProtocolStreamError.violation("not 9") }
    }
    let stream = try await meeting.connection.openStream()
    try await stream.write(MultistreamInitiator.proposal(of: ClosureHandler.id), finish: false)
    try await Task.sleep(for: .milliseconds(200))
    #expect(failure.value == nil)
    stream.stopReading(code: 0)
    #expect(await eventually { failure.value == .stream(.reset(code: StreamCode.none)) })
    try await stream.write([9], finish: true)
    try await meeting.expectOver()
    #expect(await meeting.info.resets.reduce(0, +) == 0)
    await meeting.stop()
  }

  @Test(
    "is cancelled and its stream reset when its life is over, while it reads, waits for room, or does not care",
    arguments: ["reading", "writing", "stubborn"])
  func lifetime(_ state: String) async throws {
    let ended = Box<String?>(nil)
    let release = Box(false)
    let meeting = try await Meeting(ProtocolOptions(limits: ProtocolLimits(lifetime: .seconds(5)))) { stream in
      do {
        switch state {
        case "reading": _ = try await stream.read(upTo: 10)
        case "writing": while true { try await stream.write([UInt8](repeating: 0, count: 65_536)) }
        default:
          let other = Task { _ = await eventually { release.value } }
          await other.value
        }
        ended.set(Task.isCancelled ? "cancelled" : "")
      } catch {
        ended.set("\(error)")
        throw error
      }
    }
    let stream = try await meeting.open()
    #expect(await eventually { await meeting.info.open == 1 })
    if state == "writing" { try await Task.sleep(for: .milliseconds(50)) }
    #expect(ended.value == nil)
    for _ in 0..<6 { meeting.host.router.tick() }
    await expectReset(stream, StreamCode.garbageCollected)
    release.set(true)
    try await meeting.expectOver()
    #expect(["cancelled", "the stream was reset by this node"].contains(ended.value))
    #expect(await meeting.info.resets[StreamCode.index(of: StreamCode.garbageCollected)] == 1)
    await meeting.stop()
  }

  @Test("leaves nothing behind when the opener's task is cancelled", arguments: ["reading", "writing", "finished"])
  func openerCancelled(_ state: String) async throws {
    // Never reads, so that a writer has to wait.
    let release = Box(false)
    let meeting = try await Meeting { stream in
      while !release.value { try await Task.sleep(for: .milliseconds(5)) }
      while try await stream.read(upTo: 65_536) != nil {}
    }
    let stream = try await meeting.open(finish: state == "finished")
    let task = Task { () -> ProtocolStreamError? in
      do throws(ProtocolStreamError) {
        if state == "writing" { while true { try await stream.write([UInt8](repeating: 0, count: 65_536)) } }
        while try await stream.read(upTo: 10) != nil {}
        return nil
      } catch {
        stream.reset(code: error.streamCode)
        return error
      }
    }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    #expect(await task.value == .stream(.cancelled))
    release.set(true)
    try await meeting.expectOver()
    await meeting.stop()
  }

  @Test("ends with its connection when nothing is heard for the idle timeout", arguments: ["reading", "writing"])
  func idleTimeout(_ state: String) async throws {
    let ended = Box<String?>(nil)
    var configuration = QUICConfiguration()
    configuration.idleTimeout = .milliseconds(400)
    let meeting = try await Meeting(client: configuration) { stream in
      do {
        if state == "writing" { while true { try await stream.write([UInt8](repeating: 0, count: 65_536)) } }
        _ = try await stream.read(upTo: 10)
      } catch {
        ended.set("\(error)")
        throw error
      }
    }
    let stream = try await meeting.open()
    #expect(await eventually { await meeting.info.open == 1 })
    // Silence, without a word of farewell.
    meeting.client.stop()
    #expect(await eventually { ended.value != nil })
    #expect(ended.value?.contains("the connection is gone: idle_timeout") == true)
    #expect(await eventually { meeting.host.router.streams == 0 })
    #expect(await meeting.info.resets.reduce(0, +) == 0)
    _ = stream
    await meeting.host.shutdown(timeout: .milliseconds(100))
    meeting.transport.stop()
  }

  // MARK: Abandoned

  private static func processorSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let times = [usage.ru_utime, usage.ru_stime]
    return times.reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
  }

  @Test(
    "bears 10,000 streams that are opened and reset at once, before or behind the proposal",
    arguments: [5, MultistreamInitiator.proposal(of: ClosureHandler.id).count])
  func abandoned(bytesSent: Int) async throws {
    let count = 10_000
    let meeting = try await Meeting { stream in while try await stream.read(upTo: 100) != nil {} }
    let bytes = Array(MultistreamInitiator.proposal(of: ClosureHandler.id).prefix(bytesSent))
    let before = Self.processorSeconds()
    let connection = meeting.connection
    try await Task(executorPreference: meeting.client.streamExecutor) {
      for _ in 0..<count {
        let stream = try await connection.openStream()
        try await stream.write(bytes, finish: false)
        stream.reset(code: 1)
        // Loss of a turn lets the packets out, so that the host sees every one.
        await Task.yield()
      }
    }.value
    #expect(await eventually { meeting.host.router.streams == 0 })
    let each = (Self.processorSeconds() - before) / Double(count) * 1e6
    let figures = meeting.host.counters.snapshot()
    let info = await meeting.info
    #expect(figures.streamsOpened + figures.streamsRefused <= UInt64(count))
    #expect(figures.negotiationsFailed + info.opened + figures.streamsRefused > 0)
    try await meeting.expectOver()
    // The connection is as good as new.
    let after = try await meeting.open([1], finish: true)
    #expect(try await after.read(upTo: 1) == nil)
    print(
      "\(count) streams reset after \(bytesSent) bytes: \(figures.streamsOpened) seen, "
        + "\(figures.negotiationsFailed) not negotiated, \(info.opened) served, \(Int(each)) µs of processor each, both ends"
    )
    #expect(each < 2_000)
    await meeting.stop()
  }
}

/// A value that tasks share.
private final class Box<Value: Sendable>: Sendable {
  private let mutex: Mutex<Value>
  init(_ value: Value) { self.mutex = Mutex(value) }
  var value: Value { self.mutex.withLock { $0 } }
  func set(_ value: Value) { self.mutex.withLock { $0 = value } }
}
