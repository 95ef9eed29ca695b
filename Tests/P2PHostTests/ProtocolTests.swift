import P2PCore
import Testing

@testable import HostTestKit
@testable import P2PHost

@Suite("Identify, push, ping and perf", .timeLimit(.minutes(1)))
struct ProtocolTests {
  private static func message(of node: Node, askedBy attacker: Attacker) async throws -> IdentifyMessage {
    let stream = try attacker.open()
    try await stream.write(Attacker.proposal("/ipfs/id/1.0.0"), finish: false)
    var bytes: [UInt8] = []
    while let more = try await stream.read(upTo: 65_536) { bytes += more }
    var framer = VarintFramer(messageSizeMaximum: 65_536)
    framer.append(Array(bytes.dropFirst(Attacker.proposal("/ipfs/id/1.0.0").count)))
    let message = try #require(try framer.next())
    #expect(message.count < 4096)
    return try IdentifyMessage(protobuf: message)
  }

  @Test("identify tells who, what, where, and where it sees the asker")
  func identify() async throws {
    let network = MemoryNetwork()
    let wildcards = try ["/ip4/0.0.0.0/udp/9000/quic-v1", "/ip6/::/udp/9001/quic-v1"].map { try Multiaddr($0) }
    let node = Node(
      1, network, addresses: [Node.address(1)] + wildcards,
      interfaces: [
        IPEndpoint(address: [127, 0, 0, 1], port: 0), IPEndpoint(address: [192, 168, 1, 5], port: 0),
        IPEndpoint(address: [169, 254, 1, 5], port: 0),
        IPEndpoint(address: [0xfe, 0x80] + [UInt8](repeating: 1, count: 14), port: 0, zone: "eth0"),
        IPEndpoint(address: [0xfd] + [UInt8](repeating: 0, count: 14) + [7], port: 0),
      ])
    try await node.host.start()
    let attacker = try await Attacker(2, against: node, network)
    let message = try await Self.message(of: node, askedBy: attacker)
    #expect(message.agentVersion == "fednode/test-1")
    #expect(message.protocolVersion == "ipfs/0.1.0")
    #expect(message.publicKey == Node.key(1).protobuf)
    #expect(message.protocols == ["/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0"])
    #expect(message.observedAddress == Node.address(2))
    let told = [
      "\(Node.address(1))", "/ip4/192.168.1.5/udp/9000/quic-v1", "/ip6/fd00::7/udp/9001/quic-v1",
    ]
    #expect(message.listenAddresses.map(\.description) == told)
    let info = await node.host.node()
    #expect(info.announceAddresses.map(\.description).filter { $0 != "/ip4/127.0.0.1/udp/9000/quic-v1" } == told)
    #expect(info.announceAddresses.count == 4)
    #expect(info.listenAddresses == [Node.address(1)] + wildcards)
  }

  @Test("identify tells the announced addresses instead, and stays below 4 KiB")
  func announced() async throws {
    let network = MemoryNetwork()
    let node = Node(
      1, network,
      configure: { configuration in
        configuration.announceAddresses = (0..<100).map { Node.address($0) }
        configuration.agentVersion = String(repeating: "a", count: 3_600)
      })
    try await node.host.start()
    let attacker = try await Attacker(2, against: node, network)
    let message = try await Self.message(of: node, askedBy: attacker)
    #expect(message.listenAddresses.count < 32)
    #expect(message.listenAddresses.first == Node.address(0))
    #expect(await node.host.node().announceAddresses.count == 32)
  }

  @Test("a peer that registers a protocol tells its peers, and so when it drops one")
  func push() async throws {
    let (first, second, _) = try await Node.connectedPair()
    struct Silent: ProtocolHandler {
      let serves = ServedProtocol.ids(["/new/1"])
      func handle(_ stream: ProtocolStream, from peer: RemotePeer) async throws {}
    }
    try await second.host.register(Silent())
    await first.recorder.first { event in
      guard event.type == "peer.identified", event.peerID == second.peer,
        case .array(let protocols)? = event.fields.first(where: { $0.0 == "protocols" })?.1
      else { return false }
      return protocols.contains { if case .string("/new/1") = $0 { true } else { false } }
    }
    #expect(await first.host.peer(second.peer)?.protocols.contains("/new/1") == true)
    #expect(await second.host.withdraw("/new/1"))
    await second.host.pushIdentify()
    #expect(await first.host.peer(second.peer)?.protocols.contains("/new/1") == false)
    // What it does not tell of stays.
    #expect(await first.host.peer(second.peer)?.agentVersion == "fednode/test-2")
    #expect(await second.host.node().observedAddresses.map(\.observers) == [1])
  }

  @Test("identify takes what a peer tells in several messages, or without an end")
  func severalMessages() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let transport = Node.transport(2, network)
    try await transport.start { event in
      guard case .stream(let stream, _) = event else { return }
      Task {
        var message = IdentifyMessage()
        message.agentVersion = "chatty/1"
        var second = IdentifyMessage()
        second.protocols = ["/p/2"]
        try await stream.write(
          Attacker.proposal("/ipfs/id/1.0.0") + VarintFramer.frame(message.protobuf)
            + VarintFramer.frame(second.protobuf), finish: false)
      }
    }
    _ = await node.host.dial(peer: transport.peer, addresses: [Node.address(2)], timeout: nil)
    await node.recorder.first { event in
      guard event.type == "peer.identified",
        case .array(let protocols)? = event.fields.first(where: { $0.0 == "protocols" })?.1
      else { return false }
      return protocols.count == 1
    }
    let known = try #require(await node.host.peer(transport.peer))
    #expect(known.agentVersion == "chatty/1")
    #expect(known.protocols == ["/p/2"])
  }

  @Test("a push that overtakes the news of its connection counts")
  func earlyPush() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let remote = Node.transport(2, network)
    let connection = MemoryConnection(
      direction: .inbound, transport: node.transport, remote: remote, localAddress: node.address,
      remoteAddress: Node.address(2))
    // Told, and not yet heard by the host.
    _ = node.host.inbox.put(.opened(connection))
    var message = IdentifyMessage()
    message.agentVersion = "early"
    await node.host.identified(message, on: connection)
    #expect(await node.host.peer(remote.peer)?.agentVersion == "early")
  }

  @Test("an identify of 1 MB is refused, and the connection stays")
  func hugeIdentify() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let transport = Node.transport(2, network)
    let (resets, reset) = AsyncStream.makeStream(of: StreamError?.self)
    try await transport.start { event in
      guard case .stream(let stream, _) = event else { return }
      Task {
        do throws(StreamError) {
          try await stream.write(
            Attacker.proposal("/ipfs/id/1.0.0") + VarintFramer.frame([UInt8](repeating: 0, count: 1_000_000)),
            finish: true)
          reset.yield(nil)
        } catch {
          reset.yield(error)
        }
      }
    }
    let result = await node.host.dial(peer: transport.peer, addresses: [Node.address(2)], timeout: nil)
    var iterator = resets.makeAsyncIterator()
    #expect(await iterator.next() == .some(.reset(code: 0)))
    #expect(result.error == nil)
    #expect(await node.host.connections().count == 1)
    #expect(await node.host.peer(transport.peer)?.agentVersion == nil)
  }

  @Test("a ping that nobody answers ends in time and leaves no stream behind")
  func pingTimeout() async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    let node = try await Node.started(1, network, clock: clock)
    let attacker = try await Attacker(2, against: node, network)
    await node.recorder.first("peer.state_changed", peer: attacker.transport.peer, to: "connected")
    async let pinging = node.host.ping(attacker.transport.peer, count: 2, timeout: .seconds(3))
    for _ in 0..<2 {
      await clock.sleeper(of: .seconds(3))
      clock.advance(by: .seconds(3))
    }
    let results = try #require(await pinging)
    #expect(results.map(\.error) == ["timed out", "timed out"])
    #expect(results.allSatisfy { $0.rtt == nil })
    // Only the identify request is left.
    #expect(attacker.connection.openStreams.count == 1)
    #expect(await node.host.ping(PeerID(publicKey: Node.key(9)) { _ in [] }, count: 1, timeout: .seconds(1)) == nil)
    #expect(await node.host.ping(attacker.transport.peer, count: 0, timeout: .seconds(1))?.count == 0)
  }

  @Test("a ping that is answered wrongly says so")
  func wrongEcho() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let transport = Node.transport(2, network)
    try await transport.start { event in
      guard case .stream(let stream, _) = event else { return }
      Task {
        let answer = Attacker.proposal("/ipfs/ping/1.0.0") + [UInt8](repeating: 0, count: 32)
        try await stream.write(answer, finish: true)
      }
    }
    _ = await node.host.dial(peer: transport.peer, addresses: [Node.address(2)], timeout: nil)
    let results = try #require(await node.host.ping(transport.peer, count: 1, timeout: .seconds(5)))
    #expect(results.first?.error == "the remote broke the protocol: the echo differs from the ping")
  }

  @Test("perf moves what was asked, both ways", arguments: [(0, 0), (1, 1), (1_000_000, 300_000), (65_536, 131_072)])
  func perf(upload: UInt64, download: UInt64) async throws {
    let (first, second, _) = try await Node.connectedPair { $0.servesPerf = true }
    let result = try #require(try await first.host.perf(second.peer, upload: upload, download: download))
    #expect(result.uploadBytes == upload)
    #expect(result.downloadBytes == download)
    #expect(result.upload > .zero && result.download >= .zero)
    let figures = try #require(await first.host.connections().first?.statistics)
    #expect(figures.bytesOut >= upload && figures.bytesIn >= download)
  }

  @Test("perf is not served unless it is switched on, and needs a connection")
  func perfOff() async throws {
    let (first, second, _) = try await Node.connectedPair()
    await #expect(throws: ProtocolStreamError.self) {
      _ = try await first.host.perf(second.peer, upload: 10, download: 10)
    }
    let stranger = PeerID(publicKey: Node.key(9)) { _ in [] }
    #expect(try await first.host.perf(stranger, upload: 1, download: 1) == nil)
  }

  @Test("perf refuses more and fewer bytes than it asked for", arguments: [5, 11])
  func perfWrongCount(count: Int) async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let transport = Node.transport(2, network)
    try await transport.start { event in
      guard case .stream(let stream, _) = event else { return }
      Task {
        try await stream.write(
          Attacker.proposal("/perf/1.0.0") + [UInt8](repeating: 0, count: count), finish: true)
      }
    }
    _ = await node.host.dial(peer: transport.peer, addresses: [Node.address(2)], timeout: nil)
    await #expect(throws: ProtocolStreamError.self) {
      _ = try await node.host.perf(transport.peer, upload: 0, download: 10)
    }
  }
}
