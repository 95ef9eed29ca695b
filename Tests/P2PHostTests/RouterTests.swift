import P2PCore
import Testing

@testable import HostTestKit
@testable import P2PHost

/// Does what a closure says.
struct ClosureHandler: ProtocolHandler {
  let serves: ServedProtocol
  let options: ProtocolOptions
  let body: @Sendable (ProtocolStream, RemotePeer) async throws -> Void

  init(
    _ ids: String..., options: ProtocolOptions = ProtocolOptions(),
    body: @escaping @Sendable (ProtocolStream, RemotePeer) async throws -> Void
  ) {
    self.init(serves: .ids(ids), options: options, body: body)
  }

  init(
    serves: ServedProtocol, options: ProtocolOptions = ProtocolOptions(),
    body: @escaping @Sendable (ProtocolStream, RemotePeer) async throws -> Void
  ) {
    self.serves = serves
    self.options = options
    self.body = body
  }

  func handle(_ stream: ProtocolStream, from peer: RemotePeer) async throws {
    try await self.body(stream, peer)
  }
}

private struct Oops: Error {}

@Suite("Protocol handlers", .timeLimit(.minutes(1)))
struct RouterTests {
  @Test("are called with the stream, the peer and the id that was agreed on")
  func served() async throws {
    let (first, second, _) = try await Node.connectedPair()
    try await second.host.register(
      ClosureHandler("/echo/1", "/echo/2") { stream, peer in
        let message = try await stream.readMessage(maximum: 1000) ?? []
        let words = "\(peer.protocolID) \(peer.id) \(stream.direction) \(stream.id) "
        try await stream.write(VarintFramer.frame(Array(words.utf8) + message))
      })
    let connection = try #require(await first.host.liveConnection(to: second.peer))
    for protocols in [["/echo/3", "/echo/2"], ["/echo/2"]] {
      let stream = try await ProtocolStream.open(
        on: connection, protocols: protocols, firstPayload: VarintFramer.frame([65, 66]))
      let answer = try #require(try await stream.readMessage(maximum: 1000))
      #expect(String(decoding: answer, as: UTF8.self) == "/echo/2 \(first.peer) inbound \(stream.id) AB")
      // The handler returned, so its side is finished.
      #expect(try await stream.read(upTo: 1) == nil)
      // And it wants no more of ours.
      await #expect(throws: ProtocolStreamError.stream(.reset(code: 0))) {
        while true { try await stream.write([1]) }
      }
    }
    let registered = second.recorder.all.filter { $0.type == "protocol.registered" }.compactMap { $0["protocol"] }
    #expect(registered == ["/echo/1", "/echo/2"])
  }

  @Test(
    "that throw reset their stream with a code and nothing else",
    arguments: [
      (Oops(), 0), (ProtocolStreamError.violation("x"), 0x1004), (ProtocolStreamError.messageTooLong(limit: 1), 0x1002),
    ] as [(any Error, UInt64)])
  func throwing(error: any Error, code: UInt64) async throws {
    let (first, second, _) = try await Node.connectedPair()
    try await second.host.register(ClosureHandler("/bad/1") { _, _ in throw error })
    let connection = try #require(await first.host.liveConnection(to: second.peer))
    let stream = try await ProtocolStream.open(on: connection, protocols: ["/bad/1"])
    await #expect(throws: ProtocolStreamError.stream(.reset(code: code))) {
      while try await stream.read(upTo: 10) != nil {}
    }
    #expect(await first.host.ping(second.peer, count: 1, timeout: .seconds(5))?.first?.error == nil)
    #expect(second.host.counters.snapshot().handlersFailed == 1)
  }

  @Test("that hang do not hold up others, and a shutdown waits for them no longer than it may")
  func hanging() async throws {
    let clock = TestClock()
    let (first, second, _) = try await Node.connectedPair(clock: clock)
    let (hangs, hung) = AsyncStream.makeStream(of: Void.self)
    try await second.host.register(
      ClosureHandler("/hang/1") { stream, _ in
        hung.yield()
        _ = try await stream.read(exactly: 1)
      })
    let connection = try #require(await first.host.liveConnection(to: second.peer))
    let stream = try await ProtocolStream.open(on: connection, protocols: ["/hang/1"])
    var iterator = hangs.makeAsyncIterator()
    await iterator.next()
    #expect(await first.host.ping(second.peer, count: 2, timeout: .seconds(5))?.count == 2)

    let shutdown = Task { await second.host.shutdown(timeout: .seconds(3)) }
    await second.recorder.first("node.draining")
    await clock.sleeper(of: .milliseconds(20))
    #expect(await second.host.node().draining)
    #expect(await second.host.connections().count == 1)
    clock.advance(by: .seconds(4))
    await shutdown.value
    #expect(await second.host.connections().isEmpty)
    await #expect(throws: ProtocolStreamError.stream(.connectionClosed("closed_by_peer"))) {
      while try await stream.read(upTo: 10) != nil {}
    }
  }

  @Test("finish their work before a shutdown closes their connection")
  func finishing() async throws {
    let (first, second, _) = try await Node.connectedPair()
    let (begins, begun) = AsyncStream.makeStream(of: Void.self)
    try await second.host.register(
      ClosureHandler("/slow/1") { stream, _ in
        begun.yield()
        let rest = try await stream.read(exactly: 3) ?? []
        try await stream.write(rest)
      })
    let connection = try #require(await first.host.liveConnection(to: second.peer))
    let stream = try await ProtocolStream.open(on: connection, protocols: ["/slow/1"])
    var iterator = begins.makeAsyncIterator()
    await iterator.next()
    async let shutdown: Void = second.host.shutdown(timeout: .seconds(30))
    await second.recorder.first("node.draining")
    // New streams are refused meanwhile.
    await #expect(throws: ProtocolStreamError.stream(.reset(code: StreamCode.shutdown))) {
      let late = try await ProtocolStream.open(on: connection, protocols: ["/slow/1"])
      while try await late.read(upTo: 10) != nil {}
    }
    try await stream.write([1, 2, 3])
    #expect(try await stream.read(exactly: 3) == [1, 2, 3])
    await shutdown
    let closed = await first.recorder.first("peer.state_changed", peer: second.peer, to: "idle")
    #expect(closed["reason"] == "closed_by_peer")
    #expect(await first.host.peer(second.peer)?.lastDisconnect?.reason.code == ConnectionCode.shutdown)
  }

  @Test("are registered once, under sensible ids, up to a number, and withdrawn")
  func registration() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    func handler(_ id: String) -> ClosureHandler { ClosureHandler(id) { _, _ in } }
    await #expect(throws: ProtocolRegistrationError.alreadyRegistered("/ipfs/ping/1.0.0")) {
      try await node.host.register(handler("/ipfs/ping/1.0.0"))
    }
    for bad in ["", "/a b", "/a\nb", "/ä", "/" + String(repeating: "x", count: 256)] {
      await #expect(throws: ProtocolRegistrationError.badID(bad, limit: 256)) {
        try await node.host.register(handler(bad))
      }
    }
    #expect(await !node.host.withdraw("/ipfs/none"))
    #expect(await node.host.withdraw("/ipfs/ping/1.0.0"))
    #expect(await node.host.node().protocols == ["/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0"])
    for number in 0..<254 { try await node.host.register(handler("/p/\(number)")) }
    do {
      try await node.host.register(handler("/one/more"))
      Issue.record("registered more protocols than there may be")
    } catch {
      #expect(error == .tooMany(limit: 256))
      #expect("\(error)".contains("withdraw"))
    }
  }
  @Test("are let go with their host after a shutdown")
  func freed() async throws {
    let network = MemoryNetwork()
    weak var host: Host?
    // Held by the handler of identify.
    weak var profile: LocalProfile?
    do {
      let node = try await Node.started(1, network)
      host = node.host
      profile = node.host.profile
      await node.host.shutdown(timeout: .seconds(1))
    }
    for _ in 0..<100_000 where host != nil || profile != nil { await Task.yield() }
    let isFreed = host == nil && profile == nil
    #expect(isFreed)
  }
}
