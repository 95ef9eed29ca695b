internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

/// An HTTP/1.1 server: one thread of libmicrohttpd that reads, calls the handler and writes, and one that watches
/// over what libmicrohttpd does not see. Serves from `init` until `stop`, which must be called.
package final class HTTPServer: Sendable {
  /// What it listens on, also when any was asked for; 0 for a Unix socket.
  package let port: UInt16
  /// `127.0.0.1`, `unix:/run/fednode/api.sock`
  package let address: String

  private let core: ServerCore
  private let stop: Mutex<Stop>

  private struct Stop {
    var deadline: Duration?
    var waiters: [CheckedContinuation<Void, Never>] = []
    var done = false
  }

  /// Calls `handler` on the server's thread for each whole request; it must return at once. `refusal` says how to
  /// answer what never becomes a whole request (the argument has what is known of it), from any thread.
  package init(
    _ configuration: HTTPServerConfiguration,
    refusal: @escaping @Sendable (HTTPRefusal, HTTPRequest?) -> HTTPResponse = HTTPServer.plainRefusal,
    handler: @escaping @Sendable (HTTPRequest) -> HTTPOutcome
  ) throws(HTTPServerError) {
    let watch = try Watch()
    let socket = try ListenSocket(configuration)
    self.core = ServerCore(configuration: configuration, watch: watch, refusal: refusal, handler: handler)
    self.port = socket.port
    self.address = configuration.socketPath.map { "unix:\($0)" } ?? configuration.address
    self.stop = Mutex(Stop())
    guard let daemon = withSignalsBlocked({ Self.startDaemon(self.core, socket) }) else {
      socket.remove()
      throw HTTPServerError(
        "libmicrohttpd did not start on \(self.address) port \(socket.port)"
          + (configuration.tls == nil ? "" : "; see that the key is that of the certificate, both in PEM"))
    }
    // The thread keeps the server alive until it has stopped. The pointer is the thread's alone from here on.
    nonisolated(unsafe) let handedOver = daemon
    let code = withSignalsBlocked { Thread.start { self.run(handedOver, socket) } }
    guard code == 0 else {
      MHD_stop_daemon(daemon)
      socket.remove()
      throw HTTPServerError("no thread for the API: \(String(cString: strerror(code)))")
    }
  }

  /// Connections open now.
  package var connectionCount: Int { self.core.connections.count }

  /// Accepts no more, ends streams after what is queued, and lets answers in flight finish, for at most `timeout`;
  /// then cancels them. Returns when nothing is left.
  package func stop(timeout: Duration) async {
    let deadline = Monotonic.now + timeout
    await withCheckedContinuation { continuation in
      let done = self.stop.withLock { stop in
        if !stop.done {
          stop.deadline = min(stop.deadline ?? deadline, deadline)
          stop.waiters.append(continuation)
        }
        return stop.done
      }
      if done { continuation.resume() } else { self.core.watch.wake() }
    }
  }

  /// Refusals as plain text.
  package static let plainRefusal: @Sendable (HTTPRefusal, HTTPRequest?) -> HTTPResponse = { refusal, _ in
    switch refusal {
    case .requestTimeout: .text(408, "the request did not arrive in time\n")
    case .bodyTooLarge(let limit): .text(413, "the body has more than \(limit) bytes\n")
    case .targetTooLong(let limit): .text(414, "the request target has more than \(limit) bytes\n")
    case .badRequest(let why): .text(400, "\(why)\n")
    case .noClientCertificate: .text(403, "a certificate is needed\n")
    case .stopping: .text(503, "the server is stopping\n")
    }
  }

  /// For sending what is answered when a stop runs out of time.
  private static let lastWordsTime = Duration.milliseconds(250)

  // MARK: The watching thread

  private func run(_ daemon: OpaquePointer, _ socket: ListenSocket) {
    var draining = false
    while true {
      let stopDeadline = self.stop.withLock { $0.deadline }
      if let stopDeadline {
        if !draining {
          draining = true
          self.beginStop(daemon, socket)
        }
        let connections = self.core.connections
        if connections.allSatisfy(\.isOver) || Monotonic.now >= stopDeadline { break }
        for connection in connections {
          connection.closeIfIdle()
          connection.exchange?.stream?.finish()
        }
      }
      self.turn(stopping: stopDeadline != nil)
    }
    self.endStop(daemon, socket)
  }

  /// Waits for one round of events and deadlines.
  private func turn(stopping: Bool) {
    let configuration = self.core.configuration
    let tick =
      stopping
      ? Duration.milliseconds(10) : max(.milliseconds(10), min(configuration.receiveTimeout / 8, .seconds(1)))
    let events = self.core.watch.wait(tick: tick) {
      stopping || self.core.connections.contains { $0.deadline != nil }
    }
    for case .hangUp(let id) in events { self.core.connection(id)?.exchange?.hungUp() }
    let now = Monotonic.now
    for connection in self.core.connections where connection.tick(now) == .late {
      let refusal = HTTPRefusal.requestTimeout(limit: configuration.receiveTimeout)
      connection.refuse(RawAnswer.bytes(self.core.refusal(refusal, nil)))
    }
  }

  private func beginStop(_ daemon: OpaquePointer, _ socket: ListenSocket) {
    self.core.draining.store(true, ordering: .releasing)
    MHD_quiesce_daemon(daemon)
    // Refuses from now on. Closed only after the library is gone, whose thread may still have it in its epoll set.
    shutdown(socket.descriptor, Int32(SHUT_RDWR))
  }

  private func endStop(_ daemon: OpaquePointer, _ socket: ListenSocket) {
    // Nothing suspends after this store (`Exchange.suspend` asks under the lock that `abandon` takes), and what is
    // suspended is resumed below: the library aborts the process if it stops with suspended connections.
    self.core.stopped.store(true, ordering: .sequentiallyConsistent)
    for connection in self.core.connections {
      connection.exchange?.abandon(self.core.refusal(.stopping, nil))
    }
    let deadline = Monotonic.now + Self.lastWordsTime
    while !self.core.connections.allSatisfy(\.isOver) && Monotonic.now < deadline { self.turn(stopping: true) }
    MHD_stop_daemon(daemon)
    socket.remove()
    let waiters = self.stop.withLock { stop in
      stop.done = true
      defer { stop.waiters = [] }
      return stop.waiters
    }
    for waiter in waiters { waiter.resume() }
  }

  // MARK: The library

  private static func startDaemon(_ core: ServerCore, _ socket: ListenSocket) -> OpaquePointer? {
    let configuration = core.configuration
    // Unretained: the watching thread keeps the core until the library has stopped.
    return cmicrohttpd_start(
      socket.descriptor, UInt32(clamping: configuration.connectionsMax),
      UInt32(clamping: configuration.connectionsPerAddressMax), configuration.connectionMemoryBytes,
      UInt32(clamping: configuration.sendTimeout.components.seconds), core.tls?.pointers ?? cmicrohttpd_tls(),
      accessCallback, requestLineCallback,
      completedCallback, connectionCallback, Unmanaged.passUnretained(core).toOpaque())
  }
}

/// Signals are for the threads of the program, not for those that this module starts.
private func withSignalsBlocked<Result>(_ body: () -> Result) -> Result {
  var all = sigset_t()
  var before = sigset_t()
  sigfillset(&all)
  pthread_sigmask(SIG_SETMASK, &all, &before)
  defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
  return body()
}
