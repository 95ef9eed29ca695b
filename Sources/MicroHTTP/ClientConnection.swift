internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

/// One TCP connection of a client, from accept to close. The library owns the socket; this guards what others do
/// to it: watching for a hang-up while the library does not look, and cutting it off when time is up.
final class ClientConnection: Sendable {
  enum Phase: Equatable {
    /// Nothing has come yet, or a request is coming.
    case receiving
    /// A whole request is here and its answer under way.
    case answering
    /// Between two requests.
    case idle
  }

  /// What the watch found when it looked at the clock.
  enum OnTick: Equatable {
    case nothing
    /// A request did not arrive whole in time.
    case late
  }

  let id: UInt64
  let remoteAddress: String
  private let descriptor: Int32
  /// Nothing can be written past the library.
  private let isEncrypted: Bool
  private let state: Mutex<State>

  private struct State {
    var phase = Phase.receiving
    var deadline: Duration
    var exchange: Exchange?
    /// Whether the watch's epoll set has the socket.
    var watched = false
    /// Cut off by us; a request that arrives nevertheless is not answered.
    var cut = false
    /// Closed by the library: the descriptor is somebody else's from now on.
    var closed = false
  }

  init(id: UInt64, descriptor: Int32, remoteAddress: String, isEncrypted: Bool, deadline: Duration) {
    self.id = id
    self.descriptor = descriptor
    self.remoteAddress = remoteAddress
    self.isEncrypted = isEncrypted
    self.state = Mutex(State(deadline: deadline))
  }

  var exchange: Exchange? { self.state.withLock { $0.exchange } }

  /// The request line of `exchange` is here.
  func began(_ exchange: Exchange, deadline: Duration) {
    self.state.withLock { state in
      // The first request's time began with the connection.
      if state.phase == .idle { state.deadline = deadline }
      state.phase = .receiving
      state.exchange = exchange
    }
  }

  /// The request is whole. False when its time was up just before.
  func received() -> Bool {
    self.state.withLock { state in
      guard !state.cut else { return false }
      state.phase = .answering
      return true
    }
  }

  /// The answer is over.
  func ended(idleUntil deadline: Duration) {
    self.state.withLock { state in
      state.phase = .idle
      state.deadline = deadline
      state.exchange = nil
    }
  }

  /// The library is about to close the socket.
  func closed() {
    self.state.withLock { state in
      state.closed = true
      state.exchange = nil
    }
  }

  /// Reports a hang-up once to `epoll`: the library does not look at a suspended connection.
  func watchHangUp(epoll: Int32) {
    self.state.withLock { state in
      guard !state.closed else { return }
      var event = epoll_event()
      event.events = EPOLLRDHUP.rawValue | EPOLLONESHOT.rawValue
      event.data.u64 = self.id
      let operation = state.watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD
      // It can fail for want of kernel memory only; then the hang-up shows at the next write.
      state.watched = epoll_ctl(epoll, operation, self.descriptor, &event) == 0
    }
  }

  /// When the clock must be looked at next; nil while there is no limit.
  var deadline: Duration? {
    self.state.withLock { $0.phase == .answering || $0.cut ? nil : $0.deadline }
  }

  /// Closes it when idle for too long.
  func tick(_ now: Duration) -> OnTick {
    self.state.withLock { state in
      guard !state.closed, !state.cut, state.phase != .answering, now >= state.deadline else { return .nothing }
      state.cut = true
      guard state.phase == .receiving else {
        shutdown(self.descriptor, Int32(SHUT_RDWR))
        return .nothing
      }
      return .late
    }
  }

  /// Cut off with nothing under way. The library may hold on to such a one until its own timeout: it does not always
  /// notice that a client is gone who hung up while the connection was suspended.
  var isOver: Bool { self.state.withLock { $0.cut && $0.phase == .idle } }

  /// Closes it unless an answer is under way or a request on its way.
  func closeIfIdle() {
    self.state.withLock { state in
      guard !state.closed, state.phase == .idle || (state.phase == .receiving && state.exchange == nil) else { return }
      state.cut = true
      shutdown(self.descriptor, Int32(SHUT_RDWR))
    }
  }

  /// Writes `answer` past the library, which has written nothing for this request, and closes. Over TLS it closes
  /// only.
  func refuse(_ answer: [UInt8]) {
    self.state.withLock { state in
      guard !state.closed else { return }
      state.cut = true
      // What does not fit into an empty socket buffer is lost with the connection.
      if !self.isEncrypted {
        send(self.descriptor, answer, answer.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      shutdown(self.descriptor, Int32(SHUT_RDWR))
    }
  }

  /// Cuts it off, whatever is under way.
  func cut() {
    self.state.withLock { state in
      guard !state.closed else { return }
      state.cut = true
      shutdown(self.descriptor, Int32(SHUT_RDWR))
    }
  }
}
