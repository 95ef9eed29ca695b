import Dispatch
import P2PCore
import Synchronization

@testable import P2PHost

/// A network inside the process: transports find each other by their addresses.
final class MemoryNetwork: Sendable {
  enum Fate: Sendable {
    /// Dials wait for their timeout.
    case blackhole
    case fail(DialError)
  }

  private struct State {
    var transports: [Multiaddr: MemoryTransport] = [:]
    var fates: [Multiaddr: Fate] = [:]
    var dials: [Multiaddr] = []
  }

  private let state = Mutex(State())

  func add(_ transport: MemoryTransport, at address: Multiaddr) {
    self.state.withLock { $0.transports[address] = transport }
  }

  /// What happens to dials of `address`.
  func set(_ fate: Fate, for address: Multiaddr) { self.state.withLock { $0.fates[address] = fate } }

  /// All addresses that were dialled, in order.
  var dials: [Multiaddr] { self.state.withLock { $0.dials } }

  fileprivate func lookup(_ address: Multiaddr) -> (MemoryTransport?, Fate?) {
    self.state.withLock { state in
      state.dials.append(address)
      return (state.transports[address], state.fates[address])
    }
  }
}

/// A transport of a `MemoryNetwork`. Events come from a serial queue of its own.
final class MemoryTransport: Transport, Sendable {
  private struct State {
    var events: (@Sendable (TransportEvent) -> Void)?
    var admits: (@Sendable ([UInt8]) -> String?)?
    var accepting = false
    var failsToStart = false
    var connections: [MemoryConnection] = []
  }

  let peer: PeerID
  let key: PublicKey
  let network: MemoryNetwork
  let clock: TestClock?
  /// Bytes that a stream's direction holds before its writer waits.
  let streamCapacity: Int
  let listenAddresses: [Multiaddr]
  let listeners: [ListenerStatus]
  let streamExecutor: (any TaskExecutor)? = nil
  private let queue: DispatchQueue
  private let state = Mutex(State())

  init(
    key: PublicKey, network: MemoryNetwork, addresses: [Multiaddr], brokenListeners: [ListenerStatus] = [],
    streamCapacity: Int = 65_536, clock: TestClock? = nil
  ) {
    self.key = key
    self.peer = PeerID(publicKey: key) { _ in [UInt8](repeating: 0, count: 32) }
    self.network = network
    self.clock = clock
    self.streamCapacity = streamCapacity
    self.listenAddresses = addresses
    self.listeners = addresses.map { ListenerStatus(address: $0, error: nil) } + brokenListeners
    self.queue = DispatchQueue(label: "transport")
    for address in addresses { network.add(self, at: address) }
  }

  var connections: [MemoryConnection] { self.state.withLock { $0.connections } }

  func failToStart() { self.state.withLock { $0.failsToStart = true } }

  func start(
    admits: @escaping @Sendable (_ ip: [UInt8]) -> String?, events: @escaping @Sendable (TransportEvent) -> Void
  ) async throws {
    if self.state.withLock({ $0.failsToStart }) { throw StreamError.finished }
    self.state.withLock {
      $0.events = events
      $0.admits = admits
      $0.accepting = true
    }
  }

  func tell(_ event: TransportEvent) {
    guard let events = self.state.withLock({ $0.events }) else { return }
    self.queue.async { events(event) }
  }

  func dial(
    _ address: Multiaddr, expecting peer: PeerID?, timeout: Duration
  ) async throws(DialError) -> any Connection {
    try await self.dialMemory(address, expecting: peer, timeout: timeout)
  }

  func dialMemory(
    _ address: Multiaddr, expecting peer: PeerID? = nil, timeout: Duration = .seconds(5)
  ) async throws(DialError) -> MemoryConnection {
    let (remote, fate) = self.network.lookup(address)
    if Task.isCancelled { throw DialError(.cancelled, "cancelled", temporary: true) }
    switch fate {
    case .fail(let error): throw error
    case .blackhole:
      do {
        if let clock { try await clock.sleep(timeout) } else { try await Task.sleep(for: timeout) }
      } catch {
        throw DialError(.cancelled, "cancelled", temporary: true)
      }
      throw DialError(.timeout, "no answer", temporary: true)
    case nil: break
    }
    guard let remote, remote.state.withLock({ $0.accepting }) else {
      throw DialError(.refused, "nobody listens at \(address)", temporary: true)
    }
    if let peer, peer != remote.peer {
      throw DialError(.peerIDMismatch, "\(remote.peer) answered", temporary: false)
    }
    let own = self.listenAddresses[0]
    if let ip = own.ip, let reason = remote.state.withLock({ $0.admits })?(ip) {
      remote.tell(.inboundRefused(remoteAddress: own, reason: reason))
      throw DialError(.refused, "the remote refuses connections now", temporary: true)
    }
    let dialler = MemoryConnection(
      direction: .outbound, transport: self, remote: remote, localAddress: own, remoteAddress: address)
    let accepter = MemoryConnection(
      direction: .inbound, transport: remote, remote: self, localAddress: address, remoteAddress: own)
    dialler.join(accepter)
    accepter.join(dialler)
    remote.state.withLock { $0.connections.append(accepter) }
    self.state.withLock { $0.connections.append(dialler) }
    // Neither side may hear of what the other does to the connection before it heard of the connection.
    self.queue.suspend()
    self.tell(.opened(dialler))
    remote.tell(.opened(accepter))
    self.queue.resume()
    // The event has been told when this returns.
    await withCheckedContinuation { continuation in self.queue.async { continuation.resume() } }
    return dialler
  }

  func stopAccepting() async { self.state.withLock { $0.accepting = false } }

  func shutdown(code: UInt64, timeout: Duration) async {
    for connection in self.connections { connection.close(code: code, reason: "shutdown") }
    await withCheckedContinuation { continuation in self.queue.async { continuation.resume() } }
  }
}
