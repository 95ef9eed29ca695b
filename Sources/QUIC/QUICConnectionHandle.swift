import Glibc
import LinuxIO
import P2PCore
import Synchronization

/// The face of an established connection towards the host. Usable from any thread.
final class QUICConnectionHandle: Connection, @unchecked Sendable {
  // Guard: `connection` and `clock` are used only on their own thread; everything else never changes or is locked.

  let id: String
  let direction: Direction
  let remotePeer: PeerID
  let remotePublicKey: PublicKey
  let openedAt: Int64
  let handshakeDuration: Duration
  let security: ConnectionSecurity
  let quicVersion = "1"
  private let currentPath: Mutex<Path>
  private let lastStatistics = Mutex<ConnectionStatistics?>(nil)
  private let connection: QUICConnection
  private let clock: () -> MonotonicNanoseconds
  /// Gone after the transport has ended, whoever still holds this.
  private weak var endpoint: QUICEndpoint?

  private static let count = Atomic<UInt64>(0)

  init(_ connection: QUICConnection, peer: VerifiedPeer, endpoint: QUICEndpoint, openedAt: Int64) {
    let path = connection.path
    self.id = "c-\(QUICConnectionHandle.count.add(1, ordering: .relaxed).newValue)"
    self.direction = connection.direction
    self.remotePeer = peer.id
    self.remotePublicKey = peer.key
    self.currentPath = Mutex(Path(local: path.local.multiaddr, remote: path.remote.multiaddr))
    self.openedAt = openedAt
    self.handshakeDuration = .nanoseconds(Int64(clamping: connection.establishedAt &- connection.startedAt))
    self.security = ConnectionSecurity(
      tlsVersion: "1.3", cipher: connection.security.cipher, group: connection.security.group, keyType: peer.key.type)
    self.connection = connection
    self.clock = endpoint.environment.clock
    self.endpoint = endpoint
  }

  struct VerifiedPeer {
    let id: PeerID
    let key: PublicKey
  }

  private struct Path: Hashable {
    var local: Multiaddr
    var remote: Multiaddr
  }

  var localAddress: Multiaddr { self.currentPath.withLock { $0.local } }
  var remoteAddress: Multiaddr { self.currentPath.withLock { $0.remote } }

  /// True when an address of the connection is another than before.
  func updatePath() -> Bool {
    let path = self.connection.path
    let current = Path(local: path.local.multiaddr, remote: path.remote.multiaddr)
    return self.currentPath.withLock { known in
      defer { known = current }
      return known != current
    }
  }

  func openStream() async throws(StreamError) -> any Stream {
    guard let loop = self.connection.loop else {
      preconditionFailure("a simulated connection opens its streams directly")
    }
    // The usual case: the remote allows one more.
    if let result = self.openStreamNow() { return try result.get() }
    return try await withTaskExecutorPreference(loop) { await self.openOnLoop() }.get()
  }

  func openStreamNow() -> Result<any Stream, StreamError>? {
    guard let loop = self.connection.loop, loop.isCurrent, let result = self.connection.openStream() else { return nil }
    return result.map { $0 }
  }

  private func openOnLoop() async -> Result<QUICStream, StreamError> {
    while true {
      if let result = self.connection.openStream() { return result }
      if Task.isCancelled { return .failure(.cancelled) }
      let loop = self.connection.loop
      await withTaskCancellationHandler {
        await self.connection.waitForStream()
      } onCancel: {
        loop?.execute { self.connection.wakeStreamWaiters() }
      }
    }
  }

  func statistics() async -> ConnectionStatistics? {
    guard let loop = self.connection.loop else { return self.statisticsNow() }
    return await loop.run { self.statisticsNow() }
  }

  var finalStatistics: ConnectionStatistics? { self.lastStatistics.withLock { $0 } }

  /// Right before the connection goes.
  func keepStatistics() {
    let statistics = self.statisticsNow()
    self.lastStatistics.withLock { $0 = statistics }
  }

  func statisticsNow() -> ConnectionStatistics? {
    guard self.connection.phase == .established else { return nil }
    var statistics = ConnectionStatistics()
    self.connection.fill(&statistics)
    let quiet = (self.clock() &- self.connection.lastActivity) / 1_000_000
    statistics.lastActivityAt = wallMilliseconds() - Int64(clamping: quiet)
    return statistics
  }

  func close(code: UInt64, reason: String) {
    guard let loop = self.connection.loop, !loop.isCurrent else {
      self.endpoint?.close(self.connection, code: code, words: reason, now: self.clock())
      return
    }
    loop.execute { self.endpoint?.close(self.connection, code: code, words: reason, now: self.clock()) }
  }
}

/// Milliseconds since the Unix epoch.
func wallMilliseconds() -> Int64 {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
}
