import Dispatch
import Glibc
import P2PCore
import P2PHost
import Synchronization

/// Seeded random numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var z = self.state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

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
  private let jitter: Mutex<SeededGenerator?>

  /// - Parameter jitterSeed: news travel for a random time of up to 3 ms, in order; nil: at once.
  init(jitterSeed: UInt64? = nil) { self.jitter = Mutex(jitterSeed.map { SeededGenerator(state: $0) }) }

  /// Takes as long as the next piece of news does.
  fileprivate func travel() {
    let microseconds = self.jitter.withLock { generator -> UInt32 in
      guard var random = generator else { return 0 }
      defer { generator = random }
      return UInt32.random(in: 0...3_000, using: &random)
    }
    if microseconds > 0 { usleep(microseconds) }
  }

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

  /// Tells nothing from now on.
  func silence() { self.state.withLock { $0.events = nil } }

  func tell(_ event: TransportEvent) {
    guard let events = self.state.withLock({ $0.events }) else { return }
    self.queue.async { [network] in
      network.travel()
      events(event)
    }
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

  func statistics(of connections: [any Connection]) async -> [ConnectionStatistics?] {
    var figures: [ConnectionStatistics?] = []
    for connection in connections { figures.append(await connection.statistics()) }
    return figures
  }

  func stopAccepting() async { self.state.withLock { $0.accepting = false } }

  func shutdown(code: UInt64, timeout: Duration) async {
    for connection in self.connections { connection.close(code: code, reason: "shutdown") }
    await withCheckedContinuation { continuation in self.queue.async { continuation.resume() } }
  }
}
