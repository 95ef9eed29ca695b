import Dispatch
import P2PCore
import Synchronization
import Testing

@testable import HostTestKit
@testable import P2PHost

/// Runs jobs on a queue of its own and counts them.
private final class CountingExecutor: TaskExecutor, Sendable {
  let jobs = Atomic<Int>(0)
  private let queue = DispatchQueue(label: "handler")

  func enqueue(_ job: consuming ExecutorJob) {
    self.jobs.add(1, ordering: .relaxed)
    let job = UnownedJob(job)
    self.queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

@Suite("Registered protocols", .timeLimit(.minutes(1)))
struct RegistrationTests {
  private static func version(_ major: Int, _ minor: Int, _ patch: Int = 0) -> SemanticVersion {
    SemanticVersion(major: major, minor: minor, patch: patch)
  }

  private static func handler(_ name: String, _ versions: SemanticVersion...) -> ClosureHandler {
    ClosureHandler(serves: .versions(VersionedProtocol(name: name, versions: versions))) { _, _ in }
  }

  private static func info(_ node: Node, _ id: String) async -> ProtocolInfo? {
    await node.host.protocols().first { $0.ids.contains(id) }
  }

  private static func refused(_ info: ProtocolInfo?, _ reason: StreamRefusalReason) -> UInt64? {
    info?.refused[reason.index]
  }

  private static func resets(_ info: ProtocolInfo?, _ code: UInt64) -> UInt64? {
    info?.resets[StreamCode.index(of: code)]
  }

  // MARK: Ids

  @Test(
    "are found by their exact id, and by version whatever the patch",
    arguments: [
      ("example/echo/v1.0.0", true), ("example/echo/v1.1.0", true), ("example/echo/v1.0.7", true),
      ("example/echo/v1.2.0", false), ("example/echo/v2.0.0", false), ("example/echo", false),
      ("/example/echo/v1.0.0", false), ("example/echo/v1.0", false), ("example/echo/v01.0.0", false),
    ])
  func versions(id: String, isServed: Bool) async throws {
    let (first, second, _) = try await Node.connectedPair()
    try await second.host.register(EchoHandler())
    let connection = try #require(await first.host.liveConnection(to: second.peer))
    let stream = try await ProtocolStream.open(
      on: connection, protocols: [id], firstPayload: VarintFramer.frame([1, 2, 3]), finish: true)
    if isServed {
      #expect(try await stream.readMessage(maximum: 10) == [1, 2, 3])
      #expect(try await stream.readMessage(maximum: 10) == nil)
      #expect(await Self.info(second, "example/echo/v1.1.0")?.opened == 1)
    } else {
      await #expect(throws: ProtocolStreamError.self) { try await stream.readMessage(maximum: 10) }
      #expect(await Self.info(second, "example/echo/v1.1.0")?.opened == 0)
    }
    #expect(
      await second.host.node().protocols == [
        "/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0", "example/echo/v1.0.0", "example/echo/v1.1.0",
      ])
    #expect(await Self.info(second, "example/echo/v1.1.0")?.versions == ["1.1.0", "1.0.0"])
  }

  @Test("have no id or version that another one has")
  func overlaps() async throws {
    let node = try await Node.started(1, MemoryNetwork())
    func refusal(of handler: ClosureHandler) async -> ProtocolRegistrationError? {
      do {
        try await node.host.register(handler)
        return nil
      } catch {
        return error
      }
    }
    #expect(await refusal(of: Self.handler("a", Self.version(1, 0), Self.version(1, 1))) == nil)
    #expect(await refusal(of: ClosureHandler("/plain", "plain") { _, _ in }) == nil)
    // Another major and another minor beside it.
    #expect(await refusal(of: Self.handler("a", Self.version(2, 0))) == nil)
    #expect(await refusal(of: Self.handler("a", Self.version(1, 2))) == nil)
    #expect(await refusal(of: Self.handler("b", Self.version(1, 0))) == nil)
    #expect(
      await refusal(of: Self.handler("a", Self.version(3, 0), Self.version(1, 1, 5)))
        == .alreadyRegistered("a/v1.1.5"))
    #expect(await refusal(of: ClosureHandler("a/v2.0.9") { _, _ in }) == .alreadyRegistered("a/v2.0.9"))
    #expect(await refusal(of: ClosureHandler("c", "/plain") { _, _ in }) == .alreadyRegistered("/plain"))
    #expect(await refusal(of: ClosureHandler("c", "c") { _, _ in }) == .alreadyRegistered("c"))
    #expect(await refusal(of: ClosureHandler("d/v1.0.1") { _, _ in }) == nil)
    #expect(await refusal(of: Self.handler("d", Self.version(1, 0))) == .alreadyRegistered("d/v1.0.1"))
    #expect(await refusal(of: ClosureHandler(serves: .ids([])) { _, _ in }) == .nothingServed)
    // What was refused left nothing.
    #expect(await refusal(of: Self.handler("a", Self.version(3, 0))) == nil)
    #expect(await refusal(of: ClosureHandler("c") { _, _ in }) == nil)
  }

  @Test("that are withdrawn let running streams finish, are shown until then, and can be registered anew")
  func withdrawal() async throws {
    let (first, second, _) = try await Node.connectedPair()
    try await second.host.register(EchoHandler())
    let connection = try #require(await first.host.liveConnection(to: second.peer))
    let id = "example/echo/v1.0.0"
    let running = try await ProtocolStream.open(
      on: connection, protocols: [id], firstPayload: VarintFramer.frame([1]))
    #expect(try await running.readMessage(maximum: 10) == [1])
    #expect(await second.host.withdraw(id))
    #expect(await !second.host.withdraw(id))
    let told = second.recorder.all.filter { $0.type == "protocol.withdrawn" }.compactMap { $0["protocol"] }
    #expect(told == ["example/echo/v1.1.0", "example/echo/v1.0.0"])
    #expect(await !second.host.node().protocols.contains(id))
    await first.recorder.first { event in
      guard event.type == "peer.identified",
        case .array(let ids)? = event.fields.first(where: { $0.0 == "protocols" })?.1
      else { return false }
      return ids.count == 3
    }
    // A new stream is not served, the running one is.
    let late = try await ProtocolStream.open(on: connection, protocols: [id])
    await #expect(throws: ProtocolStreamError.self) { try await late.readMessage(maximum: 10) }
    try await running.write(VarintFramer.frame([2]))
    #expect(try await running.readMessage(maximum: 10) == [2])
    let shown = try #require(await Self.info(second, id))
    #expect(shown.isWithdrawn && shown.open == 1)
    try await second.host.register(EchoHandler())
    #expect(await second.host.protocols().filter { $0.ids.contains(id) }.map(\.isWithdrawn) == [true, false])
    try await running.finish()
    #expect(try await running.readMessage(maximum: 10) == nil)
    #expect(try await eventually { await second.host.protocols().filter { $0.ids.contains(id) }.count == 1 })
    #expect(await Self.info(second, id)?.opened == 0)
  }

  // MARK: Limits

  @Test(
    "refuse what is above their limits, with a code and a count",
    arguments: [
      (ProtocolLimits(streams: 3), StreamRefusalReason.streams, StreamCode.resourceLimitExceeded),
      (ProtocolLimits(streamsPerPeer: 3), .streamsPerPeer, StreamCode.resourceLimitExceeded),
      (ProtocolLimits(streamsPerSecond: 3), .streamsPerSecond, StreamCode.rateLimited),
      (ProtocolLimits(streamsPerSecondPerPeer: 3), .streamsPerSecondPerPeer, StreamCode.rateLimited),
    ])
  func limits(_ limits: ProtocolLimits, reason: StreamRefusalReason, code: UInt64) async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    let node = try await Node.started(1, network, clock: clock)
    try await node.host.register(
      ClosureHandler("/held", options: ProtocolOptions(limits: limits)) { stream, _ in
        while try await stream.read(upTo: 10) != nil {}
      })
    let attacker = try await Attacker(2, against: node, network)
    let answer = Attacker.proposal("/held")
    var held: [MemoryStream] = []
    for number in 0..<5 {
      let stream = try attacker.open()
      try await stream.write(answer, finish: false)
      if number < 3 {
        #expect(try await Attacker.read(answer.count, from: stream) == answer)
        held.append(stream)
        // It is counted behind the answer.
        #expect(try await eventually { await Self.info(node, "/held")?.opened == UInt64(held.count) })
      } else {
        await #expect(throws: StreamError.reset(code: code)) { while try await stream.read(upTo: 100) != nil {} }
      }
    }
    let info = await Self.info(node, "/held")
    #expect(info?.opened == 3 && info?.open == 3)
    #expect(info?.refused.reduce(0, +) == 2)
    #expect(Self.refused(info, reason) == 2)
    #expect(node.host.counters.snapshot().streamsRefused == 2)
    #expect(!attacker.connection.isClosed)
    // Another peer is not held to what this one did, where the limit is each peer's own.
    let other = try await Attacker(3, against: node, network)
    let stream = try other.open()
    let isOwn = reason == .streamsPerPeer || reason == .streamsPerSecondPerPeer
    do {
      try await stream.write(answer, finish: false)
      #expect(try await Attacker.read(answer.count, from: stream) == answer)
      if !isOwn { while try await stream.read(upTo: 100) != nil {} }
      #expect(isOwn)
    } catch {
      #expect(!isOwn)
    }
    // Once there is room, or a second has passed, it is served again.
    for stream in held { try await stream.write([], finish: true) }
    #expect(try await eventually { await (Self.info(node, "/held")?.open ?? 9) <= 1 })
    await clock.sleeper(of: .seconds(1))
    clock.advance(by: .seconds(1))
    let again = try attacker.open()
    try await again.write(answer, finish: false)
    #expect(try await Attacker.read(answer.count, from: again) == answer)
    #expect(try await eventually { await Self.info(node, "/held")?.opened == (isOwn ? 5 : 4) })
  }

  @Test("cannot have more streams than the node allows one protocol")
  func nodeLimit() async throws {
    let node = try await Node.started(1, MemoryNetwork()) { $0.limits.streams.perProtocol = 2 }
    try await node.host.register(
      ClosureHandler("/a", options: ProtocolOptions(limits: ProtocolLimits(streams: 100))) { _, _ in })
    try await node.host.register(
      ClosureHandler("/b", options: ProtocolOptions(limits: ProtocolLimits(streams: 1))) { _, _ in })
    #expect(await Self.info(node, "/a")?.limits.streams == 2)
    #expect(await Self.info(node, "/b")?.limits.streams == 1)
    #expect(await Self.info(node, "/ipfs/ping/1.0.0")?.limits.streams == 2)
  }

  // MARK: Time

  /// Lets the router's seconds pass.
  private static func pass(_ seconds: Int, _ clock: TestClock) async {
    for _ in 0..<seconds {
      await clock.sleeper(of: .seconds(1))
      clock.advance(by: .seconds(1))
    }
    await clock.sleeper(of: .seconds(1))
  }

  private static func node(_ network: MemoryNetwork, _ clock: TestClock) async throws -> Node {
    // So that no other sleeper is as long as the ticker.
    try await Node.started(1, network, clock: clock) { $0.limits.identifyTimeout = .seconds(1_000) }
  }

  @Test("reset a stream on which nothing comes in time, and none on which a byte came")
  func firstByte() async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    let node = try await Self.node(network, clock)
    let limits = ProtocolLimits(firstByteTime: .seconds(2))
    try await node.host.register(
      ClosureHandler("/slow", options: ProtocolOptions(limits: limits)) { stream, _ in
        while try await stream.read(upTo: 10) != nil {}
      })
    let attacker = try await Attacker(2, against: node, network)
    let answer = Attacker.proposal("/slow")
    var streams: [MemoryStream] = []
    for payload in [[], [], [7]] as [[UInt8]] {
      let stream = try attacker.open()
      try await stream.write(answer + payload, finish: false)
      #expect(try await Attacker.read(answer.count, from: stream) == answer)
      streams.append(stream)
    }
    #expect(try await eventually { await Self.info(node, "/slow")?.open == 3 })
    await Self.pass(2, clock)
    #expect(streams.allSatisfy { $0.incoming.error == nil })
    try await streams[1].write([1], finish: false)
    #expect(try await eventually { streams[1].outgoing.waiting == 0 })
    await Self.pass(1, clock)
    await #expect(throws: StreamError.reset(code: StreamCode.garbageCollected)) { try await streams[0].read(upTo: 10) }
    await Self.pass(20, clock)
    #expect(streams[1...].allSatisfy { $0.incoming.error == nil })
    let info = await Self.info(node, "/slow")
    #expect(info?.open == 2)
    #expect(Self.resets(info, StreamCode.garbageCollected) == 1)
    #expect(info?.resets.reduce(0, +) == 1)
  }

  @Test("cancel and reset a stream whose life is over, also where the handler does not care")
  func lifetime() async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    let node = try await Self.node(network, clock)
    let (released, release) = AsyncStream.makeStream(of: Void.self)
    let (ends, ended) = AsyncStream.makeStream(of: Bool.self)
    let options = ProtocolOptions(limits: ProtocolLimits(lifetime: .seconds(3)))
    try await node.host.register(
      ClosureHandler("/reads", options: options) { stream, _ in
        _ = try await stream.read(upTo: 1)
        try await stream.write([1])
        _ = try await stream.read(upTo: 1)
      })
    try await node.host.register(
      ClosureHandler("/stubborn", options: options) { _, _ in
        // A task of its own knows nothing of the cancellation.
        let waiting = Task {
          var iterator = released.makeAsyncIterator()
          await iterator.next()
        }
        await waiting.value
        ended.yield(Task.isCancelled)
      })
    let attacker = try await Attacker(2, against: node, network)
    var streams: [MemoryStream] = []
    for id in ["/reads", "/stubborn"] {
      let stream = try attacker.open()
      try await stream.write(Attacker.proposal(id) + [1], finish: false)
      _ = try await Attacker.read(Attacker.proposal(id).count, from: stream)
      streams.append(stream)
    }
    // Their lives have begun.
    #expect(try await eventually { await Self.info(node, "/reads")?.open == 1 })
    #expect(try await eventually { await Self.info(node, "/stubborn")?.open == 1 })
    await Self.pass(3, clock)
    #expect(streams.allSatisfy { $0.outgoing.error == nil })
    await Self.pass(1, clock)
    for stream in streams {
      await #expect(throws: StreamError.reset(code: StreamCode.garbageCollected)) {
        while try await stream.read(upTo: 10) != nil {}
      }
    }
    #expect(try await eventually { await Self.info(node, "/reads")?.open == 0 })
    // It holds its place until it returns, so that no more of its kind run than may.
    #expect(await Self.info(node, "/stubborn")?.open == 1)
    for id in ["/reads", "/stubborn"] {
      #expect(Self.resets(await Self.info(node, id), StreamCode.garbageCollected) == 1)
    }
    release.yield()
    #expect(try await eventually { await Self.info(node, "/stubborn")?.open == 0 })
    var iterator = ends.makeAsyncIterator()
    #expect(await iterator.next() == true)
    #expect(await Self.info(node, "/stubborn")?.resets.reduce(0, +) == 1)
    #expect(!attacker.connection.isClosed)
  }

  // MARK: Codes

  private struct Coded: StreamCodeError { let streamCode: UInt64 }
  private struct Oops: Error {}

  @Test("count how streams were reset, by either side, under the names of the codes")
  func resetCodes() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    let faults: [(any Error, code: UInt64, name: String)] = [
      (Oops(), 0, "none"), (Coded(streamCode: StreamCode.gated), 0x1008, "gated"),
      (Coded(streamCode: StreamCode.supplanted), 0x1005, "supplanted"), (Coded(streamCode: 0x77), 0x77, "other"),
      (ProtocolStreamError.violation("x"), 0x1004, "protocol_violation"),
    ]
    for (index, fault) in faults.enumerated() {
      let id = "/fault/\(index)"
      try await node.host.register(ClosureHandler(id) { _, _ in throw fault.0 })
      let stream = try attacker.open()
      try await stream.write(Attacker.proposal(id), finish: false)
      await #expect(throws: StreamError.reset(code: fault.code)) { while try await stream.read(upTo: 100) != nil {} }
      #expect(try await eventually { await Self.info(node, id)?.open == 0 })
      let info = try #require(await Self.info(node, id))
      #expect(zip(StreamCode.names, info.resets).filter { $0.1 > 0 }.map(\.0) == [fault.name])
    }
    // The remote's own.
    try await node.host.register(EchoHandler())
    for code in [StreamCode.shutdown, 12_345] {
      let stream = try attacker.open()
      let proposal = Attacker.proposal("example/echo/v1.0.0")
      try await stream.write(proposal, finish: false)
      _ = try await Attacker.read(proposal.count, from: stream)
      stream.reset(code: code)
    }
    // The answer to a proposal leaves before the stream is counted.
    let isOver: (ProtocolInfo?) -> Bool = { $0?.opened == 2 && $0?.open == 0 }
    #expect(try await eventually { isOver(await Self.info(node, "example/echo/v1.0.0")) })
    let info = try #require(await Self.info(node, "example/echo/v1.0.0"))
    #expect(zip(StreamCode.names, info.resets).filter { $0.1 > 0 }.map(\.0) == ["shutdown", "other"])
    #expect(!attacker.connection.isClosed)
  }

  // MARK: Executors

  @Test("run where they ask to")
  func executors() async throws {
    let (first, second, _) = try await Node.connectedPair()
    let executor = CountingExecutor()
    for (id, choice) in [("/own", HandlerExecutor.own(executor)), ("/pool", .concurrent), ("/loop", .transport)] {
      try await second.host.register(
        ClosureHandler(id, options: ProtocolOptions(executor: choice)) { stream, _ in
          while let bytes = try await stream.read(upTo: 10) { try await stream.write(bytes) }
        })
      let connection = try #require(await first.host.liveConnection(to: second.peer))
      let before = executor.jobs.load(ordering: .relaxed)
      let stream = try await ProtocolStream.open(on: connection, protocols: [id], firstPayload: [1, 2], finish: true)
      #expect(try await stream.read(exactly: 2) == [1, 2])
      #expect(try await stream.read(upTo: 1) == nil)
      #expect((executor.jobs.load(ordering: .relaxed) > before) == (id == "/own"))
    }
  }
}
