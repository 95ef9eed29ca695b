import CNgtcp2
import GnuTLS
import LinuxIO
import P2PCore
import Testing

@testable import QUIC

@Suite(.timeLimit(.minutes(2))) struct SimulationTests {
  func network(_ seed: UInt64) throws -> (SimulatedNetwork, SimulatedNetwork.Node, SimulatedNetwork.Node) {
    let network = SimulatedNetwork(seed: seed)
    return (network, try network.addNode("client"), try network.addNode("server"))
  }

  @Test("a handshake takes two round trips until it is confirmed")
  func handshake() throws {
    let (network, client, server) = try self.network(1)
    let begin = network.now
    let dial = network.connect(client, server)
    #expect(dial.isConnected)
    #expect(network.now - begin <= 20_000_000)
    #expect(server.connections.first?.remotePeer == client.identity.peerID)
    #expect(client.connections.first?.remotePeer == server.identity.peerID)
  }

  @Test("handshakes come through 30 % loss", arguments: 1...10)
  func handshakeUnderLoss(_ seed: UInt64) throws {
    let (network, client, server) = try self.network(seed)
    network.conditions.loss = 0.3
    #expect(network.connect(client, server).isConnected)
  }

  @Test("a transfer under 2 % loss, reordering, duplication and corruption arrives whole", arguments: 1...3)
  func transferUnderLoss(_ seed: UInt64) throws {
    let (network, client, server) = try self.network(seed)
    network.conditions.loss = 0.02
    network.conditions.jitter = 2_000_000
    network.conditions.duplication = 0.02
    network.conditions.corruption = 0.01
    let dial = network.connect(client, server)
    let bytes = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 17 &+ $0 >> 8) }
    #expect(network.transfer(bytes, over: dial, to: server) == bytes)
  }

  @Test("the first of many new streams are answered before the last of them are read")
  func answersLeaveEarly() throws {
    let (network, client, server) = try self.network(2)
    let dial = network.connect(client, server)
    network.run(seconds: 1)
    var seen: [(time: UInt64, sent: Int)] = []
    server.listener = { [unowned server] event in
      guard case .stream(let stream, _) = event else { return }
      seen.append((network.now, server.bytesSent))
      #expect((stream as? QUICStream)?.tryWrite([1], finish: true) == nil)
    }
    for _ in 0..<90 {
      let stream = try #require(dial.connection?.openStream()).get()
      #expect(stream.tryWrite([UInt8](repeating: 0, count: 100), finish: true) == nil)
    }
    #expect(network.run(seconds: 1) { seen.count == 90 })
    // All of them came with one flight.
    #expect(Set(seen.map(\.time)).count == 1)
    #expect(Set(seen.map(\.sent)).count == 3)
  }

  @Test("a long round trip of 600 ms still connects and transfers")
  func longRoundTrip() throws {
    let (network, client, server) = try self.network(2)
    network.conditions.latency = 300_000_000
    let dial = network.connect(client, server)
    let bytes = [UInt8](repeating: 5, count: 300_000)
    #expect(network.transfer(bytes, over: dial, to: server) == bytes)
  }

  @Test("a path of 1280 bytes works and discovery does not get stuck above it")
  func smallMTU() throws {
    let (network, client, server) = try self.network(3)
    network.conditions.mtu = 1_280
    let dial = network.connect(client, server)
    let bytes = [UInt8](repeating: 6, count: 500_000)
    #expect(network.transfer(bytes, over: dial, to: server) == bytes)
    #expect(cng_path_packet_size(try #require(dial.connection?.raw)) <= 1_252)
  }

  @Test("discovery finds a larger packet on a path of 1500 bytes")
  func pathDiscovery() throws {
    let (network, client, server) = try self.network(3)
    let dial = network.connect(client, server)
    _ = network.transfer([UInt8](repeating: 6, count: 500_000), over: dial, to: server)
    network.run(seconds: 2)
    #expect(cng_path_packet_size(try #require(dial.connection?.raw)) > 1_400)
  }

  @Test("before the client's address is validated the server sends at most three times what it got")
  func amplification() throws {
    let (network, client, server) = try self.network(4)
    let victim = SocketAddress(address: [10, 0, 0, 99], port: 1)!
    // Answers go to an address that never replies, as if the client had forged it.
    client.apparentAddress = victim
    client.endpoint.stopAccepting()
    _ = network.dial(client, server)
    network.run(seconds: 0.006)
    client.endpoint.closeAll(code: 0, words: "", now: network.now)
    let received = server.bytesReceived
    network.run(seconds: 15)
    #expect(server.bytesSent > 0)
    #expect(server.bytesSent <= 3 * max(received, server.bytesReceived))
  }

  @Test("keys are updated under way and the transfer goes on")
  func keyUpdate() throws {
    let (network, client, server) = try self.network(5)
    let dial = network.connect(client, server)
    network.run(seconds: 1)
    let bytes = [UInt8](repeating: 7, count: 100_000)
    var updated = 0
    for _ in 0..<3 {
      updated += cng_update_key(try #require(dial.connection?.raw), network.now) == 0 ? 1 : 0
      #expect(network.transfer(bytes, over: dial, to: server) == bytes)
      network.run(seconds: 5)
    }
    #expect(updated >= 2)
  }

  @Test("a client behind a NAT that moves it stays connected, and the server learns the new address")
  func rebinding() throws {
    let (network, client, server) = try self.network(6)
    let dial = network.connect(client, server)
    network.run(seconds: 1)
    client.apparentAddress = SocketAddress(address: [10, 9, 9, 9], port: 4242)!
    let bytes = [UInt8](repeating: 8, count: 200_000)
    #expect(network.transfer(bytes, over: dial, to: server) == bytes)
    network.run(seconds: 2)
    #expect(server.pathChanges == 1)
    #expect(server.connections[0].remoteAddress.description == "/ip4/10.9.9.9/udp/4242/quic-v1")
  }

  /// The client's machine has `address` instead of the one before; nil: none for now.
  private func renumber(
    _ client: SimulatedNetwork.Node, to address: SocketAddress?, _ network: SimulatedNetwork
  ) -> Set<SocketAddress> {
    if let address { client.address = address }
    return client.endpoint.leavePaths(unless: { $0 == address }, moveTo: { _ in address }, now: network.now)
  }

  @Test("a client whose address is gone moves to another, as soon as there is one, and nothing is lost")
  func migration() throws {
    let (network, client, server) = try self.network(6)
    let dial = network.connect(client, server)
    network.run(seconds: 1)
    let bytes = [UInt8](repeating: 8, count: 200_000)
    network.conditions.isBlackhole = true
    #expect(self.renumber(client, to: nil, network) == [client.address])
    network.run(seconds: 5)
    network.conditions.isBlackhole = false
    for last in UInt8(50)...52 {
      let address = SocketAddress(address: [10, 8, 8, last], port: 9000)!
      #expect(self.renumber(client, to: address, network) == [])
      #expect(network.transfer(bytes, over: dial, to: server) == bytes)
      network.run(seconds: 2)
      #expect(server.connections[0].remoteAddress == address.multiaddr)
      #expect(client.connections[0].localAddress == address.multiaddr)
    }
    #expect(client.pathChanges == 3 && server.pathChanges == 3)
    #expect(client.closeReasons.isEmpty && server.closeReasons.isEmpty)
  }

  @Test("a client that nobody answers at its new address gives up long before the idle timeout, with the reason")
  func failedMigration() throws {
    let (network, client, server) = try self.network(6)
    _ = network.connect(client, server)
    network.run(seconds: 1)
    let old = client.address
    network.conditions.isBlackhole = true
    let address = SocketAddress(address: [10, 8, 8, 8], port: 9000)!
    #expect(self.renumber(client, to: address, network) == [])
    #expect(network.run(seconds: 15) { !client.closeReasons.isEmpty })
    #expect(client.closeReasons.map(\.reason) == ["transport_error"])
    let detail = client.closeReasons.first?.detail ?? ""
    #expect(detail.contains("\(old.multiaddr) is gone") && detail.contains("\(address.multiaddr)"))
  }

  @Test("a server's connection and a dial under way end with the address that they have")
  func serverAddressGone() throws {
    let (network, client, server) = try self.network(6)
    _ = network.connect(client, server)
    #expect(self.renumber(server, to: nil, network) == [])
    #expect(server.closeReasons.map(\.reason) == ["transport_error"])
    #expect(server.closeReasons.first?.detail == "its local address \(server.address.multiaddr) is gone")
    #expect(server.endpoint.connectionCount == 0)

    let dial = network.dial(client, server)
    #expect(self.renumber(client, to: SocketAddress(address: [10, 8, 8, 8], port: 1)!, network) == [])
    #expect(dial.error?.class == .noRoute)
    #expect(dial.error?.temporary == true)
  }

  @Test("a blackhole shorter than the idle timeout is survived")
  func shortBlackhole() throws {
    let (network, client, server) = try self.network(7)
    let dial = network.connect(client, server)
    network.conditions.isBlackhole = true
    network.run(seconds: 8)
    network.conditions.isBlackhole = false
    let bytes = [UInt8](repeating: 9, count: 50_000)
    #expect(network.transfer(bytes, over: dial, to: server) == bytes)
  }

  @Test("a blackhole longer than the idle timeout ends both sides with idle_timeout")
  func longBlackhole() throws {
    let (network, client, server) = try self.network(8)
    _ = network.connect(client, server)
    network.conditions.isBlackhole = true
    network.run(seconds: 100)
    #expect(client.closeReasons.map(\.reason) == ["idle_timeout"])
    #expect(server.closeReasons.map(\.reason) == ["idle_timeout"])
    #expect(client.endpoint.connectionCount == 0 && server.endpoint.connectionCount == 0)
  }

  @Test("keep-alive holds an idle connection, at a third of the smaller idle timeout")
  func keepAlive() throws {
    let network = SimulatedNetwork(seed: 9)
    let client = try network.addNode("client")
    var configuration = QUICConfiguration()
    configuration.idleTimeout = .seconds(9)
    let server = try network.addNode("server", configuration: configuration)
    let dial = network.connect(client, server)
    #expect(dial.connection?.keepAlive == .seconds(3))
    network.run(seconds: 300)
    #expect(client.closeReasons.isEmpty && server.closeReasons.isEmpty)
  }

  @Test("nobody answers: the dial times out and says so")
  func noAnswer() throws {
    let (network, client, server) = try self.network(10)
    network.conditions.isBlackhole = true
    let dial = network.dial(client, server, timeout: .seconds(3))
    network.run(seconds: 5) { dial.result != nil }
    #expect(dial.error?.class == .timeout)
    #expect(client.endpoint.connectionCount == 0)
  }

  @Test("a peer that comes back during a dial is found soon", arguments: [0.5, 2.0, 3.2, 5.1, 7.3, 8.0])
  func comesBack(after seconds: Double) throws {
    let (network, client, server) = try self.network(21)
    network.conditions.isBlackhole = true
    let dial = network.dial(client, server)
    network.run(seconds: seconds) { dial.result != nil }
    #expect(dial.result == nil)
    network.conditions.isBlackhole = false
    network.run(seconds: 2.1) { dial.result != nil }
    #expect(dial.isConnected, "\(String(describing: dial.error))")
    #expect(client.endpoint.connectionCount == 1 && server.endpoint.connectionCount == 1)
    let bytes = [UInt8](repeating: 7, count: 5_000)
    #expect(network.transfer(bytes, over: dial, to: server) == bytes)
  }

  @Test("what the network says at once ends a dial, what it says later is told when the time is over")
  func unreachable() throws {
    let (network, client, server) = try self.network(22)
    network.conditions.isBlackhole = true
    let error = DialError(.noRoute, "no route to host", temporary: true)
    let first = network.dial(client, server)
    client.endpoint.unreachable(server.address, error: error, now: network.now)
    #expect(first.error == error)
    let second = network.dial(client, server, timeout: .seconds(4))
    network.run(seconds: 2)
    client.endpoint.unreachable(server.address, error: error, now: network.now)
    #expect(second.result == nil)
    network.run(seconds: 3) { second.result != nil }
    #expect(second.error == DialError(.noRoute, "no answer; no route to host", temporary: true))
    let third = network.dial(client, server)
    network.run(seconds: 2)
    let refused = DialError(.refused, "connection refused", temporary: true)
    client.endpoint.unreachable(server.address, error: refused, now: network.now)
    #expect(third.error == refused)
    #expect(client.endpoint.connectionCount == 0)
  }

  @Test("memory for what peers may send is handed out in wide windows, then narrow ones, then refused")
  func buffers() throws {
    let network = SimulatedNetwork(seed: 23)
    var configuration = QUICConfiguration()
    configuration.connectionWindowMax = 4 << 20
    configuration.connectionWindow = 1 << 20
    configuration.buffersMax = 10 << 20
    let server = try network.addNode("server", configuration: configuration)
    let client = try network.addNode("client")
    let dials = (0..<8).map { _ in network.connect(client, server) }
    // 4 MiB within the first half, then 6 times 1 MiB.
    #expect(dials.map(\.isConnected) == [Bool](repeating: true, count: 7) + [false])
    #expect(dials[7].error?.class == .refused)
    #expect(server.refusals.first?.hasPrefix("limits.buffers: 10485760 bytes") == true)
    #expect(server.endpoint.budget.reserved == 10 << 20)
    let back = network.dial(server, client)
    #expect(back.error?.class == .limitExceeded)
    client.endpoint.close(try #require(dials[0].connection), code: 0, words: "", now: network.now)
    network.run(seconds: 1)
    #expect(server.endpoint.budget.reserved == 6 << 20)
    #expect(network.connect(client, server).isConnected)
  }

  @Test("a stream that is reset before anything of it was sent is gone on both sides", arguments: [false, true])
  func resetAtOnce(hasWritten: Bool) throws {
    let (network, client, server) = try self.network(24)
    let dial = network.connect(client, server)
    network.run(seconds: 1)
    for _ in 0..<3 {
      let stream = try #require(dial.connection?.openStream()).get()
      if hasWritten { _ = stream.tryWrite([UInt8](repeating: 1, count: 30), finish: false) }
      stream.resetOnLoop(code: 5)
      network.run(seconds: 1)
    }
    for stream in server.streams { stream.resetOnLoop(code: 6) }
    network.run(seconds: 1)
    #expect(dial.connection?.streams.isEmpty == true)
    let statistics = (server.connections.first as? QUICConnectionHandle)?.statisticsNow()
    #expect(statistics?.streamsInbound == 0)
  }

  @Test("a peer that restarts with its key resets the old connection at once")
  func statelessReset() throws {
    let (network, client, server) = try self.network(11)
    let dial = network.connect(client, server)
    _ = network.transfer([1], over: dial, to: server)
    network.run(seconds: 1)
    let restarted = try network.addNode("server again", identity: server.identity)
    network.replace(server, by: restarted)
    _ = dial.connection?.openStream().map { result in
      if case .success(let stream) = result { _ = stream.tryWrite([UInt8](repeating: 1, count: 200), finish: false) }
    }
    network.run(seconds: 1)
    #expect(client.closeReasons.map(\.reason) == ["stateless_reset"])
    #expect(restarted.endpoint.counters.statelessResets >= 1)
  }

  @Test("above half of the limit of handshakes Retry is asked for, and a real client passes it")
  func retry() throws {
    let network = SimulatedNetwork(seed: 12)
    var configuration = QUICConfiguration()
    configuration.handshakesMax = 0
    let client = try network.addNode("client")
    let strict = try network.addNode("strict", configuration: configuration)
    let refused = network.connect(client, strict)
    // With room for nobody the token is checked, and then the connection refused.
    #expect(strict.endpoint.counters.retries == 1)
    #expect(refused.error?.class == .refused)
    #expect(refused.error?.detail.contains("limits.handshakes") == true)
    configuration.handshakesMax = 1
    let server = try network.addNode("server", configuration: configuration)
    #expect(network.connect(client, server).isConnected)
    #expect(server.endpoint.figures.retriesSent == 1)
    #expect(server.endpoint.figures.certificates == 1)
    #expect(server.endpoint.figures.handshakesFailed == 0)
    #expect(server.endpoint.handshakesInbound == 0)
  }

  @Test("a version that is not ours is answered with version negotiation, a small datagram is not")
  func versionNegotiation() throws {
    let (network, client, server) = try self.network(13)
    var answers: [[UInt8]] = []
    network.tap = { bytes, from, _ in if from == server.address { answers.append(bytes) } }
    for (version, length) in [
      (UInt32(0x0A0A_0A0A), 1_200), (0xFF00_001D, 1_200), (0x6B33_43CF, 1_200), (0x0A0A_0A0A, 1_100),
    ] {
      var datagram = [UInt8](repeating: 0, count: length)
      datagram[0] = 0xC0
      withUnsafeBytes(of: version.bigEndian) { datagram.replaceSubrange(1..<5, with: $0) }
      datagram[5] = 8
      datagram[14] = 4
      network.carry(datagram, from: client.address, to: server.address, ecn: 0)
    }
    network.run(seconds: 1)
    #expect(server.endpoint.counters.versionNegotiations == 3)
    #expect(answers.count == 3)
    #expect(answers.allSatisfy { $0[1..<5].allSatisfy { $0 == 0 } })
  }

  @Test("garbage, truncated and replayed datagrams cost nothing lasting, and a good dial works after them")
  func garbage() throws {
    let (network, client, server) = try self.network(14)
    var recorded: [[UInt8]] = []
    network.tap = { bytes, _, to in if to == server.address, recorded.count < 60 { recorded.append(bytes) } }
    let dial = network.connect(client, server)
    _ = network.transfer([UInt8](repeating: 1, count: 20_000), over: dial, to: server)
    network.tap = nil
    var random = SeededGenerator(state: 99)
    let stranger = SocketAddress(address: [10, 0, 0, 77], port: 7)!
    for round in 0..<3_000 {
      var bytes = recorded[round % recorded.count]
      switch round % 4 {
      case 0:
        bytes = (0..<Int.random(in: 1...1_400, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      case 1: bytes = Array(bytes.prefix(Int.random(in: 1...bytes.count, using: &random)))
      case 2: bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 0x55
      default: break
      }
      network.carry(bytes, from: round % 2 == 0 ? stranger : client.address, to: server.address, ecn: 0)
      if round % 50 == 0 { network.run(seconds: 0.01) }
    }
    network.run(seconds: 30)
    #expect(server.endpoint.connectionCount <= 2)
    #expect(server.endpoint.handshakesInbound == 0)
    let other = try network.addNode("other")
    #expect(network.connect(other, server).isConnected)
    #expect(network.transfer([1, 2, 3], over: dial, to: server) == [1, 2, 3])
  }

  @Test("the remote hears our close even when its first packet is lost")
  func lostClose() throws {
    let (network, client, server) = try self.network(15)
    let dial = network.connect(client, server)
    network.run(seconds: 1)
    let stream = try #require(dial.connection?.openStream()).get()
    _ = stream.tryWrite([UInt8](repeating: 1, count: 50_000), finish: true)
    network.run(seconds: 0.004)
    network.conditions.isBlackhole = true
    server.endpoint.closeAll(code: 0x1006, words: "bye", now: network.now)
    network.conditions.isBlackhole = false
    network.run(seconds: 3)
    #expect(client.closeReasons.map(\.code) == [0x1006])
    #expect(server.endpoint.counters.statelessResets == 0)
  }

  @Test("an abandoned dial tells the remote")
  func abandonedDial() throws {
    let (network, client, server) = try self.network(16)
    let dial = network.dial(client, server)
    network.run(seconds: 0.012)
    client.endpoint.close(try #require(dial.connection), code: 0, words: "", now: network.now)
    network.run(seconds: 0.1)
    #expect(dial.error?.class == .cancelled)
    #expect(server.endpoint.connectionCount == 0)
  }

  @Test("nothing of a connection is left when it is closed and nobody holds it", arguments: [true, false])
  func connectionsAreForgotten(closedByServer: Bool) throws {
    let (network, client, server) = try self.network(18)
    weak var connection: QUICConnection?
    weak var handle: QUICConnectionHandle?
    do {
      let dial = network.connect(client, server)
      connection = dial.connection
      handle = dial.connection?.handle
      #expect(network.transfer([1, 2, 3], over: dial, to: server) == [1, 2, 3])
      let isThere = connection != nil && handle != nil
      #expect(isThere)
    }
    (closedByServer ? server : client).endpoint.closeAll(code: 0, words: "", now: network.now)
    network.run(seconds: 1)
    #expect(client.closeReasons.count == 1 && server.closeReasons.count == 1)
    client.events = []
    server.events = []
    // Compared outside, or a failure would show the object and all that it holds.
    let isGone = connection == nil && handle == nil
    #expect(isGone)
  }

  @Test("memory of a connection's streams goes back: a thousand streams leave none behind")
  func streamsAreForgotten() throws {
    let (network, client, server) = try self.network(17)
    let dial = network.connect(client, server)
    func answer() {
      for stream in server.streams {
        _ = stream.tryRead(upTo: 10)
        _ = stream.tryWrite([], finish: true)
      }
      server.events.removeAll { if case .stream = $0 { true } else { false } }
    }
    for _ in 0..<1_000 {
      if case .success(let stream)? = dial.connection?.openStream() { _ = stream.tryWrite([1, 2, 3], finish: true) }
      network.run(seconds: 0.001)
      answer()
    }
    network.run(seconds: 1)
    answer()
    network.run(seconds: 2)
    #expect(dial.connection?.streams.isEmpty == true)
  }
}
