import GnuTLS
import LinuxIO
import P2PCore
import Synchronization
import Testing

@testable import QUIC

/// A transport whose interfaces the test invents; it answers every stream with what it reads.
final class FollowingNode: Sendable {
  let transport: QUICTransport
  let peer: PeerID
  let told = Mutex<[String]>([])
  let connections = Mutex<[any Connection]>([])
  let closed = Mutex<[CloseReason]>([])
  private let interfaces = Mutex<[InterfaceAddress]>([])

  init(_ addresses: [String], interfaces: [String] = [], watchesNetwork: Bool = false) throws {
    let key = try IdentityKey.generate(.ed25519)
    self.peer = key.peerID
    var configuration = QUICConfiguration()
    configuration.watchesNetwork = watchesNetwork
    self.transport = try QUICTransport(
      identity: key, addresses: addresses.map { try Multiaddr($0) }, interfaces: interfaces,
      configuration: configuration)
  }

  var loop: EventLoop { self.transport.streamExecutor as! EventLoop }

  func start() async throws {
    let executor = self.loop
    try await self.transport.start { [weak self] event in
      switch event {
      case .stream(let stream, _):
        Task(executorPreference: executor) {
          do { try await Pair.echo(stream) } catch { stream.reset(code: 7) }
        }
      case .opened(let connection): self?.connections.withLock { $0.append(connection) }
      case .closed(_, let reason): self?.closed.withLock { $0.append(reason) }
      case .pathChanged(let connection): self?.tell("path \(connection.localAddress)")
      case .listenerAdded(let listener): self?.tell("added \(listener.address)")
      case .listenerFailed(let listener): self?.tell("failed \(listener.address) \(listener.error ?? "")")
      case .networkChanged: self?.tell("changed")
      default: break
      }
    }
  }

  private func tell(_ text: String) { self.told.withLock { $0.append(text) } }

  func takeTold() -> [String] {
    self.told.withLock { told in
      defer { told = [] }
      return told
    }
  }

  /// The machine's addresses are these from now on, `test0 127.0.0.2`.
  func change(_ items: [String]) async throws {
    let after = try items.map { text in
      let parts = text.split(separator: " ").map(String.init)
      let endpoint = try IPEndpoint("\(parts[1]):0")
      return InterfaceAddress(interface: parts[0], address: SocketAddress(endpoint)!)
    }
    let change = NetworkChange(before: self.interfaces.withLock { $0 }, after: after)
    self.interfaces.withLock { $0 = after }
    await self.loop.run { self.transport.networkChanged(change) }
  }

  func stop() async {
    await self.transport.shutdown(code: 0x1006, timeout: .seconds(1))
    self.transport.stop()
  }
}

/// Sends a few bytes and reads them back.
func echoes(_ connection: any Connection) async throws -> Bool {
  let stream = try await connection.openStream()
  try await stream.write([1, 2, 3], finish: true)
  return try await stream.read(upTo: 10) == [1, 2, 3]
}

@Suite(.timeLimit(.minutes(1))) struct ListenerTests {
  private static let any = "/ip4/0.0.0.0/udp/0/quic-v1"

  @Test("an interface that is not there is waited for, and its addresses are followed as they come and go")
  func follows() async throws {
    let node = try FollowingNode([Self.any], interfaces: ["test0"])
    try await node.start()
    #expect(node.transport.listenAddresses == [])
    #expect(node.transport.listeners.map { "\($0.address)" } == [Self.any])
    #expect(node.transport.listeners[0].error?.contains("test0") == true)

    try await node.change(["test0 127.0.0.2", "other0 127.0.0.4"])
    #expect(node.takeTold() == ["added /ip4/127.0.0.2/udp/0/quic-v1", "changed"])
    #expect(try node.transport.listeners == [Self.listening("127.0.0.2")])
    let first = try #require(node.transport.listenAddresses.first)
    #expect("\(first)".hasPrefix("/ip4/127.0.0.2/udp/") && !"\(first)".contains("/udp/0/"))

    try await node.change(["test0 127.0.0.2", "test0 127.0.0.3"])
    #expect(node.takeTold() == ["added /ip4/127.0.0.3/udp/0/quic-v1", "changed"])
    #expect(node.transport.listenAddresses.first == first)

    try await node.change(["test0 127.0.0.3"])
    #expect(node.takeTold() == ["failed /ip4/127.0.0.2/udp/0/quic-v1 address gone", "changed"])
    #expect(try node.transport.listeners == [Self.listening("127.0.0.3")])

    try await node.change([])
    let told = node.takeTold()
    #expect(told.count == 3)
    #expect(told[0].hasPrefix("failed /ip4/127.0.0.3/udp/0/quic-v1 address gone"))
    #expect(told[1].hasPrefix("failed \(Self.any) test0: "))
    // Nothing different, nothing told.
    try await node.change([])
    #expect(node.takeTold() == ["changed"])
    await node.stop()
  }

  private static func listening(_ address: String) throws -> ListenerStatus {
    ListenerStatus(address: try Multiaddr("/ip4/\(address)/udp/0/quic-v1"), error: nil)
  }

  @Test("with an address that goes only its connections end, with the reason")
  func inboundEnds() async throws {
    let server = try FollowingNode([Self.any], interfaces: ["test0"])
    let client = try FollowingNode(["/ip4/127.0.0.1/udp/0/quic-v1"])
    try await server.start()
    try await client.start()
    try await server.change(["test0 127.0.0.2", "test0 127.0.0.3"])
    let addresses = server.transport.listenAddresses
    _ = try await client.transport.dial(addresses[0], expecting: server.peer, timeout: .seconds(5))
    let other = try await client.transport.dial(addresses[1], expecting: server.peer, timeout: .seconds(5))
    #expect(await eventually { server.connections.withLock { $0.count } == 2 })

    try await server.change(["test0 127.0.0.3"])
    let reasons = server.closed.withLock { $0 }
    #expect(reasons.map(\.reason) == ["transport_error"])
    #expect(reasons.first?.initiator == CloseReason.Initiator.none)
    #expect(reasons.first?.detail == "its local address \(addresses[0]) is gone")
    #expect(try await echoes(other))
    await client.stop()
    await server.stop()
  }

  @Test("a connection that this node began moves to another of its addresses and goes on")
  func outboundMoves() async throws {
    let server = try FollowingNode(["/ip4/127.0.0.1/udp/0/quic-v1"])
    let client = try FollowingNode([Self.any], interfaces: ["test0"])
    try await server.start()
    try await client.start()
    try await client.change(["test0 127.0.0.1", "test0 127.0.0.2"])
    let listening = client.transport.listenAddresses
    let connection = try await client.transport.dial(
      server.transport.listenAddresses[0], expecting: server.peer, timeout: .seconds(5))
    // Out of the listening socket.
    #expect(connection.localAddress == listening[0])
    #expect(try await echoes(connection))
    _ = client.takeTold()

    try await client.change(["test0 127.0.0.2", "other0 127.0.0.1", "other0 127.0.0.2"])
    #expect(try await echoes(connection))
    #expect(await eventually { connection.localAddress == listening[1] })
    #expect(await eventually { server.connections.withLock { $0.first?.remoteAddress } == listening[1] })
    #expect(client.takeTold().contains("path \(listening[1])"))
    #expect(client.closed.withLock { $0.isEmpty } && server.closed.withLock { $0.isEmpty })
    await client.stop()
    await server.stop()
  }

  @Test("a dial goes out of the listening socket on the kernel's choice of interface, not of its first address")
  func dialSource() async throws {
    let server = try FollowingNode(["/ip4/127.0.0.1/udp/0/quic-v1"])
    let client = try FollowingNode(["/ip4/127.0.0.2/udp/0/quic-v1"])
    try await server.start()
    try await client.start()
    let address = server.transport.listenAddresses[0]
    // Nothing says that 127.0.0.2 reaches what the kernel would reach from 127.0.0.1.
    let apart = try await client.transport.dial(address, expecting: server.peer, timeout: .seconds(5))
    #expect("\(apart.localAddress)".hasPrefix("/ip4/127.0.0.1/"))
    try await client.change(["lo 127.0.0.1", "lo 127.0.0.2"])
    let together = try await client.transport.dial(address, expecting: server.peer, timeout: .seconds(5))
    #expect(together.localAddress == client.transport.listenAddresses[0])
    await client.stop()
    await server.stop()
  }

  @Test("an address that could not be bound is tried again when the network changes")
  func retriesBinding() async throws {
    let holder = try FollowingNode(["/ip4/127.0.0.1/udp/0/quic-v1"])
    try await holder.start()
    let taken = "\(holder.transport.listenAddresses[0])"
    let node = try FollowingNode([taken, "/ip4/127.0.0.2/udp/0/quic-v1"])
    try await node.start()
    #expect(node.transport.listeners.map { $0.error != nil } == [true, false])
    try await node.change([])
    // The same failure is not told again.
    #expect(node.takeTold() == ["changed"])
    await holder.stop()
    try await node.change([])
    #expect(node.takeTold() == ["added \(taken)", "changed"])
    #expect(node.transport.listeners.allSatisfy { $0.error == nil })
    await node.stop()
  }

  @Test("a start at which nothing can be bound and nothing is waited for fails")
  func hopeless() async throws {
    let holder = try FollowingNode(["/ip4/127.0.0.1/udp/0/quic-v1"])
    try await holder.start()
    let node = try FollowingNode(["\(holder.transport.listenAddresses[0])"])
    await #expect(throws: QUICTransportError.self) { try await node.start() }
    await node.stop()
    await holder.stop()
  }

  @Test("after a shutdown a change binds nothing")
  func shutDown() async throws {
    let node = try FollowingNode([Self.any], interfaces: ["test0"])
    try await node.start()
    await node.transport.shutdown(code: 0, timeout: .seconds(1))
    try await node.change(["test0 127.0.0.2"])
    #expect(node.transport.listenAddresses == [])
    node.transport.stop()
  }
}
