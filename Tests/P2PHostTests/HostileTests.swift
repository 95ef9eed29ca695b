import P2PCore
import Synchronization
import Testing

@testable import HostTestKit
@testable import P2PHost

/// A bare transport that is connected to a host and does what it likes.
struct Attacker: Sendable {
  let transport: MemoryTransport
  let connection: MemoryConnection

  init(_ number: UInt8, against node: Node, _ network: MemoryNetwork, streamCapacity: Int = 65_536) async throws {
    self.transport = Node.transport(number, network, streamCapacity: streamCapacity)
    try await self.transport.start { event in
      // Answers nothing, refuses nothing.
      if case .stream = event { return }
    }
    self.connection = try await self.transport.dialMemory(node.address)
  }

  func open() throws -> MemoryStream { try #require(self.connection.openMemoryStream()) }

  static let header = VarintFramer.frame(Array("/multistream/1.0.0\n".utf8))
  static func proposal(_ id: String) -> [UInt8] { Self.header + VarintFramer.frame(Array("\(id)\n".utf8)) }

  /// Reads until it has `count` bytes.
  static func read(_ count: Int, from stream: MemoryStream) async throws -> [UInt8] {
    var got: [UInt8] = []
    while got.count < count { got += try #require(try await stream.read(upTo: count - got.count)) }
    return got
  }
}

@Suite("A host under attack", .timeLimit(.minutes(1)))
struct HostileTests {
  /// The host still answers a well-behaved peer.
  private static func expectAlive(_ node: Node, _ network: MemoryNetwork) async throws {
    let friend = try await Node.started(99, network)
    let dial = await friend.host.dial(peer: node.peer, addresses: [node.address], timeout: nil)
    #expect(dial.error == nil)
    let pings = try #require(await friend.host.ping(node.peer, count: 1, timeout: .seconds(10)))
    #expect(pings.first?.error == nil)
    await friend.host.shutdown(timeout: .seconds(1))
  }

  /// The last of the streams that remotes opened ends soon.
  private static func settles(_ node: Node) async -> Bool {
    for _ in 0..<100_000 where node.host.router.streams > 0 { await Task.yield() }
    return node.host.router.streams == 0
  }

  private static func expectReset(_ stream: MemoryStream, code: UInt64) async {
    await #expect(throws: StreamError.reset(code: code)) {
      while try await stream.read(upTo: 4096) != nil {}
    }
  }

  @Test(
    "resets a stream that does not negotiate and keeps the connection",
    arguments: [
      Array("GET / HTTP/1.1\r\nHost: a.node.that.does.not.speak.http.example\r\nAccept: */*\r\n\r\n".utf8),
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x00], Attacker.header + [0x00], [0x80, 0xad, 0xe2, 0x04],
    ] as [[UInt8]])
  func garbage(bytes: [UInt8]) async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    let stream = try attacker.open()
    try await stream.write(bytes, finish: false)
    await Self.expectReset(stream, code: StreamCode.protocolNegotiationFailed)
    #expect(!attacker.connection.isClosed)
    #expect(node.host.counters.snapshot().negotiationsFailed == 1)
    try await Self.expectAlive(node, network)
  }

  @Test("takes no more of a line of 10 MB than it needs to refuse it")
  func longLine() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    let stream = try attacker.open()
    var line: [UInt8] = []
    Varint.append(10_000_000, to: &line)
    line += [UInt8](repeating: UInt8(ascii: "a"), count: 10_000_000)
    let bytes = line
    await #expect(throws: StreamError.reset(code: StreamCode.protocolNegotiationFailed)) {
      try await stream.write(bytes, finish: true)
    }
    #expect(stream.outgoing.bytes <= 65_536 + 4096)
    try await Self.expectAlive(node, network)
  }

  @Test("gives up on a remote that names no protocol within ten seconds")
  func silent() async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    // So that no other sleeper is as long as the ticker.
    let node = try await Node.started(1, network, clock: clock) { $0.limits.identifyTimeout = .seconds(100) }
    let attacker = try await Attacker(2, against: node, network)
    let silent = try attacker.open()
    let slow = try attacker.open()
    try await slow.write(Attacker.header, finish: false)
    #expect(try await Attacker.read(Attacker.header.count, from: slow) == Attacker.header)
    // The seconds are counted by the host's ticker; a stream may come just before a tick.
    for _ in 0..<9 {
      await clock.sleeper(of: .seconds(1))
      clock.advance(by: .seconds(1))
    }
    await clock.sleeper(of: .seconds(1))
    #expect(silent.incoming.error == nil)
    for _ in 0..<2 {
      await clock.sleeper(of: .seconds(1))
      clock.advance(by: .seconds(1))
    }
    await Self.expectReset(silent, code: StreamCode.protocolNegotiationFailed)
    await Self.expectReset(slow, code: StreamCode.protocolNegotiationFailed)
    #expect(!attacker.connection.isClosed)
  }

  @Test("tells a remote that goes on and on behind a protocol's end to stop")
  func talksOn() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    let stream = try attacker.open()
    try await stream.write(Attacker.proposal("/ipfs/id/1.0.0"), finish: false)
    while try await stream.read(upTo: 4096) != nil {}
    await #expect(throws: StreamError.reset(code: StreamCode.none)) {
      for _ in 0..<1_000 { try await stream.write([UInt8](repeating: 0, count: 1024), finish: false) }
    }
    // What it may send for nothing, and what the pipe holds.
    #expect(stream.outgoing.bytes > ProtocolStream.bytesAfterEndMax)
    #expect(stream.outgoing.bytes <= UInt64(ProtocolStream.bytesAfterEndMax + 65_536 + 4096))
    #expect(await Self.settles(node))
    #expect(!attacker.connection.isClosed)
  }

  @Test("gives up on a remote that does not end its side within ten seconds of a protocol's end")
  func neverEnds() async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    // So that no other sleeper is as long as the ticker.
    let node = try await Node.started(1, network, clock: clock) { $0.limits.identifyTimeout = .seconds(100) }
    try await node.host.register(ClosureHandler("/done/1") { _, _ in })
    let attacker = try await Attacker(2, against: node, network)
    let stream = try attacker.open()
    try await stream.write(Attacker.proposal("/done/1"), finish: false)
    while try await stream.read(upTo: 4096) != nil {}
    for _ in 0..<10 {
      await clock.sleeper(of: .seconds(1))
      clock.advance(by: .seconds(1))
    }
    await clock.sleeper(of: .seconds(1))
    #expect(stream.outgoing.error == nil)
    #expect(node.host.router.streams == 1)
    clock.advance(by: .seconds(1))
    await clock.sleeper(of: .seconds(1))
    await #expect(throws: StreamError.reset(code: StreamCode.none)) { try await stream.write([0], finish: false) }
    #expect(await Self.settles(node))
    #expect(!attacker.connection.isClosed)
  }

  @Test("answers unknown protocols, and ends its side when the remote leaves")
  func unknownProtocols() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    let stream = try attacker.open()
    let refusal = VarintFramer.frame(Array("na\n".utf8))
    try await stream.write(Attacker.proposal("/no/1"), finish: false)
    #expect(try await Attacker.read(Attacker.header.count + 4, from: stream) == Attacker.header + refusal)
    try await stream.write(VarintFramer.frame(Array("/no/2\n".utf8)), finish: true)
    #expect(try await Attacker.read(4, from: stream) == refusal)
    #expect(try await stream.read(upTo: 10) == nil)
  }

  @Test("gives up on a remote that proposes for ever")
  func endlessProposals() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    let stream = try attacker.open()
    try await stream.write(Attacker.header, finish: false)
    await #expect(throws: StreamError.reset(code: StreamCode.protocolNegotiationFailed)) {
      while true {
        try await stream.write(VarintFramer.frame(Array("/no/such\n".utf8)), finish: false)
        while stream.incoming.waiting > 0 { _ = try await stream.read(upTo: 4096) }
      }
    }
  }

  @Test("resets surplus streams of a remote that opens them without end")
  func endlessStreams() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network) { $0.limits.streams.total = 64 }
    let attacker = try await Attacker(2, against: node, network)
    let streams = try (0..<1000).map { _ in try attacker.open() }
    for stream in streams[64...] { await Self.expectReset(stream, code: StreamCode.resourceLimitExceeded) }
    let figures = node.host.counters.snapshot()
    #expect(figures.streamsOpened == 64)
    #expect(figures.streamsRefused == 936)
    // The streams that are let in are served.
    try await streams[63].write(Attacker.proposal("/ipfs/ping/1.0.0"), finish: true)
    let expected = Attacker.proposal("/ipfs/ping/1.0.0")
    #expect(try await Attacker.read(expected.count, from: streams[63]) == expected)
    #expect(try await streams[63].read(upTo: 1) == nil)
    for stream in streams[..<63] { stream.reset(code: 0) }
    while node.host.router.streams > 0 { await Task.yield() }
    try await Self.expectAlive(node, network)
  }

  @Test("echoes pings that come byte by byte, and ends when the remote does", arguments: [1, 5, 31, 33, 64])
  func splitPing(size: Int) async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    let stream = try attacker.open()
    let payload = (0..<96).map { UInt8($0) }
    let bytes = Attacker.proposal("/ipfs/ping/1.0.0") + payload
    for start in stride(from: 0, to: bytes.count, by: size) {
      try await stream.write(Array(bytes[start..<min(start + size, bytes.count)]), finish: false)
      await Task.yield()
    }
    try await stream.write([], finish: true)
    #expect(try await Attacker.read(bytes.count, from: stream) == bytes)
    #expect(try await stream.read(upTo: 1) == nil)
  }

  @Test("resets a ping that ends in the middle")
  func cutPing() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    let stream = try attacker.open()
    try await stream.write(Attacker.proposal("/ipfs/ping/1.0.0") + [1, 2, 3], finish: true)
    await Self.expectReset(stream, code: StreamCode.protocolViolation)
    // The remote may hear of it first.
    #expect(try await eventually { node.host.counters.snapshot().handlersFailed == 1 })
  }

  @Test("refuses an identify push of 1 MB, of garbage and of nothing")
  func badPush() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    let proposal = Attacker.proposal("/ipfs/id/push/1.0.0")
    for (payload, code) in [
      (VarintFramer.frame([UInt8](repeating: 0, count: 1_000_000)), StreamCode.resourceLimitExceeded),
      (VarintFramer.frame([0xff, 0xff, 0xff]), StreamCode.protocolViolation),
      ([], StreamCode.protocolViolation),
      ([0x05, 0x01], StreamCode.protocolViolation),
    ] {
      let stream = try attacker.open()
      do {
        try await stream.write(proposal + payload, finish: true)
      } catch {
        #expect(error == .reset(code: code))
      }
      await Self.expectReset(stream, code: code)
    }
    #expect(!attacker.connection.isClosed)
    #expect(node.recorder.all.allSatisfy { $0.type != "peer.identified" })
    try await Self.expectAlive(node, network)
  }

  @Test("keeps a bounded part of what a peer says about itself, and nothing under a foreign key")
  func boundedIdentify() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    var message = IdentifyMessage()
    message.agentVersion = String(repeating: "x", count: 10_000)
    message.protocols = (0..<900).map { "/p/\($0)" } + [String(repeating: "y", count: 1000)]
    message.listenAddresses = (0..<200).map {
      Multiaddr(quic: IPEndpoint(address: [10, 1, 0, UInt8($0)], port: 9000))
    }
    message.observedAddress = try Multiaddr("/ip4/1.2.3.4/tcp/80")
    let stream = try attacker.open()
    try await stream.write(
      Attacker.proposal("/ipfs/id/push/1.0.0") + VarintFramer.frame(message.protobuf), finish: true)
    await node.recorder.first("peer.identified", peer: attacker.transport.peer)
    let known = try #require(await node.host.peer(attacker.transport.peer))
    #expect(known.agentVersion?.utf8.count == 256)
    #expect(known.protocols.count == 512)
    #expect(known.addresses.count == 32)
    #expect(await node.host.node().observedAddresses.isEmpty)

    message.publicKey = Node.key(77).protobuf
    message.agentVersion = "liar"
    let second = try attacker.open()
    try await second.write(
      Attacker.proposal("/ipfs/id/push/1.0.0") + VarintFramer.frame(message.protobuf), finish: true)
    _ = try await Attacker.read(Attacker.proposal("/ipfs/id/push/1.0.0").count, from: second)
    #expect(try await second.read(upTo: 1) == nil)
    #expect(await node.host.peer(attacker.transport.peer)?.agentVersion?.first == "x")
  }

  @Test("survives a peer that vanishes in the middle of everything")
  func vanishes() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    for _ in 0..<20 { try await attacker.open().write(Attacker.proposal("/ipfs/ping/1.0.0") + [1], finish: false) }
    let connected = await node.recorder.first("peer.state_changed", peer: attacker.transport.peer, to: "connected")
    attacker.connection.vanish()
    let lost = await node.recorder.first("peer.state_changed", peer: attacker.transport.peer, to: "failed")
    #expect(lost.number > connected.number)
    #expect(lost["reason"] == "idle_timeout")
    let known = try #require(await node.host.peer(attacker.transport.peer))
    #expect(known.connections.isEmpty)
    #expect(known.state == .failed)
    #expect(known.flapCount == 1)
    #expect(known.lastDisconnect?.reason.reason == "idle_timeout")
    while node.host.router.streams > 0 { await Task.yield() }
    try await Self.expectAlive(node, network)
  }

  @Test("waits for a reader that does not read, without holding up others")
  func neverReads() async throws {
    let network = MemoryNetwork()
    let node = Node(1, network, streamCapacity: 1024)
    try await node.host.start()
    let attacker = try await Attacker(2, against: node, network)
    let stream = try attacker.open()
    let flood = Task {
      try await stream.write(
        Attacker.proposal("/ipfs/ping/1.0.0") + [UInt8](repeating: 1, count: 3_200_000), finish: false)
    }
    while stream.incoming.waiting < 1024 { await Task.yield() }
    try await Self.expectAlive(node, network)
    #expect(stream.outgoing.bytes < 200_000)
    flood.cancel()
    attacker.connection.vanish()
  }
}
