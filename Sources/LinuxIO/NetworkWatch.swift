import CLinux
import Glibc

/// The addresses of this machine's interfaces before and after a change of the network.
package struct NetworkChange: Sendable {
  package var before: [InterfaceAddress]
  package var after: [InterfaceAddress]

  package init(before: [InterfaceAddress], after: [InterfaceAddress]) {
    self.before = before
    self.after = after
  }

  /// What no interface has any more.
  package var gone: Set<SocketAddress> {
    Set(self.before.map(\.address)).subtracting(self.after.map(\.address))
  }
}

/// Tells when addresses, links or routes of this network namespace change. Needs no privilege.
///
/// Lives on the thread of its event loop; `changed` is called there, at most once a second (`ChangeDebounce`).
package final class NetworkWatch: EventLoopParticipant {
  /// Message trains that are read in one go; epoll comes back for the rest.
  private static let trainsPerTurnMax = 64
  /// A notification has a few KiB; a longer one would count as lost, that is, as a change.
  private static let trainBytesMax = 32_768

  private let descriptor: Int32
  private let changed: (NetworkChange) -> Void
  private var buffer = [UInt8](repeating: 0, count: NetworkWatch.trainBytesMax)
  private var debounce = ChangeDebounce()
  private var news: NetlinkNews = []
  /// The interfaces as they were last told.
  package private(set) var interfaces: [InterfaceAddress]

  /// Hears of all that changes after `interfaces` was read. Whoever makes it adds it to the loop with `start`.
  package init(changed: @escaping (NetworkChange) -> Void) throws(SystemError) {
    let descriptor = clinux_netlink_open()
    if descriptor < 0 { throw SystemError("netlink", errno: -descriptor) }
    do throws(SystemError) {
      self.interfaces = try InterfaceAddress.all()
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    self.changed = changed
  }

  deinit { close(self.descriptor) }

  /// On the loop; `loop.remove` ends it.
  package func start(on loop: EventLoop) {
    loop.add(self)
    loop.register(self.descriptor, events: EPOLLIN.rawValue, for: self)
  }

  // MARK: EventLoopParticipant

  package func ready(descriptor: Int32, events: UInt32) {
    for _ in 0..<NetworkWatch.trainsPerTurnMax {
      let count = clinux_netlink_receive(self.descriptor, &self.buffer, self.buffer.count)
      if count == 0 { break }
      if count > 0 {
        let news = self.buffer.withUnsafeBytes { NetlinkNews(messages: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        self.news.formUnion(news)
      } else {
        // ENOBUFS: the kernel had more to tell than the socket holds.
        self.news.insert(.lost)
      }
    }
    if !self.news.isEmpty { self.debounce.note(now: monotonicNow()) }
  }

  package func turn(now: MonotonicNanoseconds) -> MonotonicNanoseconds {
    if self.debounce.take(now: now) { self.look(now) }
    return self.debounce.deadline
  }

  private func look(_ now: MonotonicNanoseconds) {
    let news = self.news
    self.news = []
    do throws(SystemError) {
      let change = NetworkChange(before: self.interfaces, after: try InterfaceAddress.all())
      self.interfaces = change.after
      let isChanged = news != .interfaces || Set(change.before) != Set(change.after)
      if isChanged { self.changed(change) }
    } catch {
      // For want of memory or descriptors: later.
      self.news = news
      self.debounce.note(now: now)
    }
  }
}
