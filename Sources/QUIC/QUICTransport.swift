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
    var isStopped = false
  }

  private let addresses: [Multiaddr]

  /// - Parameter addresses: where to listen; none is fine for a node that only dials.
  package init(
    identity: IdentityKey, addresses: [Multiaddr], configuration: QUICConfiguration, flaw: CertificateFlaw? = nil,
    applicationProtocol: String = TLSContext.applicationProtocol
  ) throws {
    self.configuration = configuration
    self.addresses = addresses
    self.loop = try EventLoop()
    self.driver = QUICDriver(loop: self.loop)
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
    let loop = self.loop
    return await withTaskGroup(of: Bool.self) { group in
      group.addTask { await loop.run { true } }
      group.addTask {
        // Cancelled when the loop was faster.
        do { try await Task.sleep(for: limit) } catch { return true }
        return false
      }
      let first = await group.next() ?? false
      group.cancelAll()
      return first
    }
  }

  /// The receive buffer of the smallest socket, bytes, and what was asked for; nil when nothing is bound.
  package var receiveBuffer: (granted: Int, wanted: Int)? {
    self.granted.withLock { $0 }.map { ($0, UDPSocket.bufferBytes) }
  }
  private let granted = Mutex<Int?>(nil)

  /// Binds what is configured. Throws only when nothing at all could be bound.
  package func start(
    admits: @escaping @Sendable (_ ip: [UInt8]) -> String?, events: @escaping @Sendable (TransportEvent) -> Void
  ) async throws {
    self.events.handler.withLock { $0 = EventSink.Handler(call: events) }
    let addresses = self.addresses
    let driver = self.driver
    let (listeners, granted) = await self.loop.run {
      var listeners: [(status: ListenerStatus, bound: Multiaddr?)] = []
      var granted: Int?
      for address in addresses {
        do {
          let socket = try QUICTransport.bind(address)
          driver.add(socket)
          granted = min(granted ?? .max, socket.receiveBufferBytes)
          listeners.append((ListenerStatus(address: address, error: nil), socket.localAddress.multiaddr))
        } catch {
          listeners.append((ListenerStatus(address: address, error: "\(error)"), nil))
        }
      }
      driver.endpoint.startAccepting(admits: admits)
      return (listeners, granted)
    }
    self.granted.withLock { $0 = granted }
    self.state.withLock {
      $0.listeners = listeners.map(\.status)
      $0.listenAddresses = listeners.compactMap(\.bound)
    }
    for listener in listeners where listener.status.error != nil { events(.listenerFailed(listener.status)) }
    if !addresses.isEmpty, listeners.allSatisfy({ $0.bound == nil }) {
      throw QUICTransportError(
        "no listen address could be bound: "
          + listeners.map { "\($0.status.address): \($0.status.error ?? "")" }.joined(separator: "; "))
    }
  }

  private static func bind(_ address: Multiaddr) throws -> UDPSocket {
    guard let local = SocketAddress(try address.listenTarget()) else {
      throw QUICTransportError("\(address) names a zone that is no interface of this host")
    }
    return try UDPSocket(bind: local)
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
          dial.begin(driver, remote, peer, timeout) { continuation.resume(returning: $0) }
        }
      }
    } onCancel: {
      loop.execute { dial.cancel(driver) }
    }
    return try result.get()
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
    await loop.run {
      driver.closeSockets()
      loop.remove(driver)
    }
  }

  /// Ends the loop's thread; after `shutdown`, and not from the loop itself.
  package func stop() { self.loop.stop() }
}

/// One dial between its start and its end. On the loop.
private final class PendingDial: @unchecked Sendable {
  // Guard: the loop's thread.
  private var dial: OutboundDial?
  private var isCancelled = false
  private var isEnded = false

  func begin(
    _ driver: QUICDriver, _ remote: SocketAddress, _ peer: PeerID?, _ timeout: Duration,
    _ ended: @escaping (Result<QUICConnectionHandle, DialError>) -> Void
  ) {
    func end(_ result: Result<QUICConnectionHandle, DialError>) {
      self.isEnded = true
      self.dial = nil
      ended(result)
    }
    if self.isCancelled { return end(.failure(DialError(.cancelled, "the dial was given up", temporary: true))) }
    do throws(DialError) {
      let local = try driver.localAddress(towards: remote)
      let dial = driver.endpoint.connect(
        local: local, remote: remote, expecting: peer, timeout: timeout, now: monotonicNow(), ended: end)
      if !self.isEnded { self.dial = dial }
    } catch {
      end(.failure(error))
    }
  }

  /// The remote is told, or it would wait for its own timeout.
  func cancel(_ driver: QUICDriver) {
    self.isCancelled = true
    if let connection = self.dial?.connection {
      driver.endpoint.close(connection, code: ConnectionCode.none, words: "", now: monotonicNow())
    }
  }
}

package struct QUICTransportError: Error, CustomStringConvertible {
  package let description: String
  init(_ description: String) { self.description = description }
}
