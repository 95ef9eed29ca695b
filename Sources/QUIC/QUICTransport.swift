import CLinux
import CNgtcp2
import Glibc
package import GnuTLS
import LinuxIO
package import P2PCore
import Synchronization

/// libp2p over QUIC v1 with libp2p TLS (libp2p specs: quic, tls): one endpoint on one event loop.
package final class QUICTransport: Transport, Sendable {
  private let loop: EventLoop
  private let driver: QUICDriver
  private let configuration: QUICConfiguration
  private let state = Mutex(State())

  private struct State {
    var listenAddresses: [Multiaddr] = []
    var listeners: [ListenerStatus] = []
    /// The receive buffer of the smallest socket, bytes.
    var receiveBufferBytes: Int?
    var watchError: String?
    var isStopped = false
  }

  private let addresses: [Multiaddr]
  private let listenerSet: ListenerSet

  /// - Parameter addresses: where to listen; none is fine for a node that only dials.
  /// - Parameter interfaces: names, whose addresses 0.0.0.0 and `::` stand for; none: all addresses.
  package init(
    identity: IdentityKey, addresses: [Multiaddr], interfaces: [String] = [], configuration: QUICConfiguration,
    flaw: CertificateFlaw? = nil, applicationProtocol: String = TLSContext.applicationProtocol
  ) throws {
    self.configuration = configuration
    self.addresses = addresses
    self.loop = try EventLoop()
    self.driver = QUICDriver(loop: self.loop)
    self.listenerSet = ListenerSet(driver: self.driver, addresses: addresses, interfaces: interfaces)
    let seconds = wallMilliseconds() / 1_000
    let environment = QUICConnection.Environment(
      configuration: configuration, tls: try TLSContext(applicationProtocol: applicationProtocol),
      credentials: try TLSCredentials(identity: identity, now: seconds, flaw: flaw),
      secret: identity.derivedSecret("stateless-reset"), shard: 0, loop: self.loop)
    let events = self.events
    self.driver.endpoint = QUICEndpoint(
      environment: environment, sink: self.driver, wallSeconds: { wallMilliseconds() / 1_000 },
      events: { event in events.handler.withLock { $0 }?.call(event) })
    self.loop.add(self.driver)
    self.loop.start()
  }

  private let events = EventSink()

  /// Whoever listens to this transport, once there is one.
  private final class EventSink: Sendable {
    /// A box, because a bare closure in a `Mutex` is wrapped once more by every access.
    struct Handler { let call: @Sendable (TransportEvent) -> Void }
    let handler = Mutex<Handler?>(nil)
  }

  package var streamExecutor: (any TaskExecutor)? { self.loop }
  package var listenAddresses: [Multiaddr] { self.state.withLock { $0.listenAddresses } }
  package var listeners: [ListenerStatus] { self.state.withLock { $0.listeners } }

  /// True when the loop answers within `limit`.
  package func isResponsive(within limit: Duration) async -> Bool {
    // Not a task group: it would wait for the loop that hangs.
    let (answers, answer) = AsyncStream<Bool>.makeStream(bufferingPolicy: .bufferingOldest(1))
    self.loop.execute { answer.yield(true) }
    let timer = Task {
      try await Task.sleep(for: limit)
      answer.yield(false)
    }
    defer { timer.cancel() }
    for await first in answers { return first }
    return false
  }

  /// The receive buffer of the smallest socket, bytes, and what was asked for; nil when nothing is bound.
  package var receiveBuffer: (granted: Int, wanted: Int)? {
    self.state.withLock { $0.receiveBufferBytes }.map { ($0, UDPSocket.bufferBytes) }
  }

  /// Why changes of the network go unnoticed; nil when they do not.
  package var watchError: String? { self.state.withLock { $0.watchError } }

  /// Binds what is configured. Throws only when nothing at all could be bound and no interface is waited for.
  package func start(
    admits: @escaping @Sendable (_ ip: [UInt8]) -> String?, events: @escaping @Sendable (TransportEvent) -> Void
  ) async throws {
    self.events.handler.withLock { $0 = EventSink.Handler(call: events) }
    let isHopeless = await self.loop.run {
      self.listen()
      self.driver.endpoint.startAccepting(admits: admits)
      return self.listenerSet.boundAddresses.isEmpty && !(self.listenerSet.isWaiting && self.watchError == nil)
    }
    if !self.addresses.isEmpty, isHopeless {
      throw QUICTransportError(
        "no listen address could be bound: "
          + self.listeners.map { "\($0.address): \($0.error ?? "")" }.joined(separator: "; ")
          + (self.watchError.map { "; interfaces cannot be followed: \($0)" } ?? "")
          + "; name addresses of this machine with free ports in network.addresses or with --listen")
    }
  }

  /// Binds for the first time. On the loop.
  private func listen() {
    guard !self.addresses.isEmpty else { return }
    do throws(SystemError) {
      if self.configuration.watchesNetwork {
        let watch = try NetworkWatch { [weak self] change in
          guard let self else { return }
          // Before the driver's turn, which sends what connections have to say to it.
          self.loop.execute { self.networkChanged(change) }
        }
        watch.start(on: self.loop)
        self.driver.watch = watch
        self.driver.interfaces = watch.interfaces
      } else {
        self.driver.interfaces = try InterfaceAddress.all()
      }
    } catch {
      self.state.withLock { $0.watchError = "\(error)" }
    }
    _ = self.listenerSet.follow(self.driver.interfaces)
    self.publishListeners()
  }

  /// Follows a change of this machine's addresses, links or routes. On the loop.
  func networkChanged(_ change: NetworkChange) {
    guard self.loop.isCurrent, !self.state.withLock({ $0.isStopped }) else { return }
    let events = self.events.handler.withLock { $0 }
    let news = self.listenerSet.follow(change.after)
    self.publishListeners()
    for event in news { events?.call(event) }
    self.driver.leavePaths(after: change)
    events?.call(.networkChanged)
  }

  private func publishListeners() {
    let set = self.listenerSet
    let (statuses, bound, bytes) = (set.statuses, set.boundAddresses, set.receiveBufferBytes)
    self.state.withLock { state in
      state.listeners = statuses
      state.listenAddresses = bound
      state.receiveBufferBytes = bytes
    }
  }

  package func dial(
    _ address: Multiaddr, expecting peer: PeerID?, timeout: Duration
  ) async throws(DialError) -> any Connection {
    guard case .endpoint(let endpoint) = try address.quicTarget(), let remote = SocketAddress(endpoint) else {
      throw DialError(.invalidAddress, "\(address) must be resolved to an IP address first", temporary: false)
    }
    let driver = self.driver
    let loop = self.loop
    let dial = PendingDial()
    let result: Result<QUICConnectionHandle, DialError> = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        loop.execute {
          dial.begin(
            driver.endpoint, to: remote, expecting: peer, timeout: timeout,
            from: { () throws(DialError) in try driver.localAddress(towards: remote) },
            ended: { continuation.resume(returning: $0) })
        }
      }
    } onCancel: {
      loop.execute { dial.cancel(driver.endpoint) }
    }
    return try result.get()
  }

  package func statistics(of connections: [any Connection]) async -> [ConnectionStatistics?] {
    await self.loop.run { connections.map { ($0 as? QUICConnectionHandle)?.statisticsNow() } }
  }

  package func figures() async -> TransportFigures {
    let driver = self.driver
    return await self.loop.run { driver.endpoint.figures }
  }

  package func stopAccepting() async {
    let driver = self.driver
    await self.loop.run { driver.endpoint.stopAccepting() }
  }

  package func shutdown(code: UInt64, timeout: Duration) async {
    let isFirst = self.state.withLock { state in
      defer { state.isStopped = true }
      return !state.isStopped
    }
    guard isFirst else { return }
    let driver = self.driver
    let deadline = ContinuousClock.now + timeout
    await self.loop.run {
      driver.endpoint.stopAccepting()
      driver.endpoint.closeAll(code: code, words: "shutting down", now: monotonicNow())
    }
    // A full socket buffer may still hold the goodbyes.
    while await self.loop.run({ driver.endpoint.isBlocked }), ContinuousClock.now < deadline {
      do { try await Task.sleep(for: .milliseconds(5)) } catch { break }
    }
    let loop = self.loop
    let listenerSet = self.listenerSet
    await loop.run {
      listenerSet.releaseSockets()
      driver.closeSockets()
      loop.remove(driver)
    }
  }

  /// Ends the loop's thread; after `shutdown`.
  package func stop() { self.loop.stop() }
}

package struct QUICTransportError: Error, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}
