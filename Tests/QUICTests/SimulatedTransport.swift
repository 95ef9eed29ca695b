import GnuTLS
import LinuxIO
import P2PCore
import P2PHost

@testable import QUIC

/// Whole hosts on a `SimulatedNetwork`, whose time and whose hosts' time pass together, a step at a time.
///
/// QUIC is simulated on a loop's thread; the hosts' tasks run between the steps. How far they come in one is left to
/// the scheduler, as on a busy machine.
final class SimulatedHosts: @unchecked Sendable {
  // Guard: `network` is used on the loop only.

  /// Small beside every delay of the network.
  private static let step = Duration.milliseconds(1)
  /// Turns that the hosts' tasks get in a step.
  private static let yields = 10

  let network: SimulatedNetwork
  let loop: EventLoop
  let clock: SimulatedClock

  init(seed: UInt64) throws {
    self.network = SimulatedNetwork(seed: seed)
    self.loop = try EventLoop()
    self.clock = SimulatedClock(loop: self.loop)
    self.loop.start()
  }

  func set(_ conditions: SimulatedNetwork.Conditions) async {
    await self.loop.run { self.network.conditions = conditions }
  }

  /// A host that runs and accepts.
  func host(_ name: String) async throws -> (Host, SimulatedTransport) {
    let identity = try IdentityKey.generate(.ed25519)
    let transport = try await self.loop.run {
      Result { SimulatedTransport(try self.network.addNode(name, identity: identity, loop: self.loop), self) }
    }.get()
    let host = Host(
      configuration: HostConfiguration(
        localPeer: identity.peerID, publicKey: identity.publicKey, agentVersion: "fednode/\(name)"),
      transport: transport, events: EventLog(bootID: "000000000001"), clock: self.clock.hostClock,
      services: HostServices(resolve: { _, _ in [] }, interfaces: { [] }))
    try await host.start()
    return (host, transport)
  }

  /// Lets time pass until `body` has ended.
  func whileTimePasses<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let time = Task {
      while !Task.isCancelled {
        await self.loop.run {
          self.network.run(seconds: Self.step / .seconds(1))
          self.clock.advance(by: Self.step)
        }
        for _ in 0..<Self.yields { await Task.yield() }
      }
    }
    let result = await Task(operation: body).result
    time.cancel()
    await time.value
    return try result.get()
  }

  func stop() { self.loop.stop() }
}

/// A node of a `SimulatedNetwork` as a host's transport.
final class SimulatedTransport: Transport, @unchecked Sendable {
  // Guard: `node` and `network` are used on the loop only.

  private let node: SimulatedNetwork.Node
  private let network: SimulatedNetwork
  private let loop: EventLoop
  let listenAddresses: [Multiaddr]
  var listeners: [ListenerStatus] { self.listenAddresses.map { ListenerStatus(address: $0, error: nil) } }
  var streamExecutor: (any TaskExecutor)? { self.loop }

  init(_ node: SimulatedNetwork.Node, _ hosts: SimulatedHosts) {
    self.node = node
    self.network = hosts.network
    self.loop = hosts.loop
    self.listenAddresses = [node.address.multiaddr]
  }

  func start(
    admits: @escaping @Sendable (_ ip: [UInt8]) -> String?, events: @escaping @Sendable (TransportEvent) -> Void
  ) async throws {
    await self.loop.run {
      self.node.listener = events
      self.node.endpoint.startAccepting(admits: admits)
    }
  }

  func dial(
    _ address: Multiaddr, expecting peer: PeerID?, timeout: Duration
  ) async throws(DialError) -> any P2PCore.Connection {
    guard case .endpoint(let endpoint) = try address.quicTarget(), let remote = SocketAddress(endpoint) else {
      throw DialError(.invalidAddress, "\(address)", temporary: false)
    }
    let dial = PendingDial()
    let result: Result<QUICConnectionHandle, DialError> = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        self.loop.execute {
          dial.begin(
            self.node.endpoint, to: remote, expecting: peer, timeout: timeout, from: { self.node.address },
            ended: { continuation.resume(returning: $0) })
        }
      }
    } onCancel: {
      self.loop.execute { dial.cancel(self.node.endpoint) }
    }
    return try result.get()
  }

  func statistics(of connections: [any P2PCore.Connection]) async -> [ConnectionStatistics?] {
    await self.loop.run { connections.map { ($0 as? QUICConnectionHandle)?.statisticsNow() } }
  }

  func stopAccepting() async { await self.loop.run { self.node.endpoint.stopAccepting() } }

  func shutdown(code: UInt64, timeout: Duration) async {
    await self.loop.run { self.node.endpoint.closeAll(code: code, words: "shutting down", now: self.network.now) }
  }
}
