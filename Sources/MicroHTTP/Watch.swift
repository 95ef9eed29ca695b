internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

/// Sees what the library does not: clients that hang up while their connection is suspended. Also the alarm clock
/// of the server's own thread; the loop itself is in `HTTPServer`.
final class Watch: Sendable {
  enum Event: Equatable {
    case hangUp(UInt64)
  }

  private let epoll: Int32
  private let eventDescriptor: Int32
  /// Whether the loop sleeps with no deadline in sight.
  private let asleep = Atomic(false)

  /// Taken at one time from the kernel; the rest follows at once.
  private static let eventsMax = 64
  /// No connection has this id.
  private static let wakeID: UInt64 = 0

  init() throws(HTTPServerError) {
    self.epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    self.eventDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.u64 = Self.wakeID
    guard self.epoll >= 0, self.eventDescriptor >= 0,
      epoll_ctl(self.epoll, EPOLL_CTL_ADD, self.eventDescriptor, &event) == 0
    else { throw HTTPServerError("cannot make an epoll set for the API: \(String(cString: strerror(errno)))") }
  }

  deinit {
    close(self.epoll)
    close(self.eventDescriptor)
  }

  /// Reports when the client of `connection` hangs up, once.
  func hangUp(of connection: ClientConnection) { connection.watchHangUp(epoll: self.epoll) }

  func wake() {
    var one: UInt64 = 1
    // It fails only when the counter is full, and then the loop wakes anyway.
    write(self.eventDescriptor, &one, MemoryLayout<UInt64>.size)
  }

  /// Call after a deadline came to be: wakes the loop if it did not know of any.
  func deadlineAdded() {
    if self.asleep.exchange(false, ordering: .sequentiallyConsistent) { self.wake() }
  }

  /// Waits for events, at most `tick`, and for ever while `hasDeadline` says that there is nothing to wait for.
  func wait(tick: Duration, hasDeadline: () -> Bool) -> [Event] {
    self.asleep.store(true, ordering: .sequentiallyConsistent)
    var milliseconds: Int32 = -1
    if hasDeadline() {
      self.asleep.store(false, ordering: .sequentiallyConsistent)
      milliseconds = Int32(max(1, min(1_000, tick / .milliseconds(1))))
    }
    var events = [epoll_event](repeating: epoll_event(), count: Self.eventsMax)
    let count = epoll_wait(self.epoll, &events, Int32(events.count), milliseconds)
    self.asleep.store(false, ordering: .sequentiallyConsistent)
    guard count > 0 else { return [] }
    return events[..<Int(count)].compactMap { event in
      guard event.data.u64 != Self.wakeID else {
        var counter: UInt64 = 0
        read(self.eventDescriptor, &counter, MemoryLayout<UInt64>.size)
        return nil
      }
      return .hangUp(event.data.u64)
    }
  }
}
