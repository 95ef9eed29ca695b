internal import Glibc
internal import Synchronization

/// SIGINT and SIGTERM as values. `block` comes first, on the main thread before there are others: threads inherit it.
enum Signals {
  private static let waiting = Mutex<CheckedContinuation<Int32, Never>?>(nil)
  private static let first = Mutex<Int32?>(nil)

  static func block() {
    var set = Self.set
    pthread_sigmask(SIG_BLOCK, &set, nil)
    // A peer or a client that hangs up is an error of a write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
  }

  /// Takes signals for the life of the process; the main thread has nothing else to do.
  static func serve() -> Never {
    while true { Self.wait() }
  }

  /// Returns with the first signal. A second one ends the process at once.
  static func next() async -> Int32 {
    await withCheckedContinuation { continuation in
      let earlier = Self.first.withLock { $0 }
      if let earlier { return continuation.resume(returning: earlier) }
      Self.waiting.withLock { $0 = continuation }
    }
  }

  private static var set: sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, SIGINT)
    sigaddset(&set, SIGTERM)
    return set
  }

  private static func wait() {
    var set = Self.set
    var number: Int32 = 0
    guard sigwait(&set, &number) == 0 else { return }
    let isFirst = Self.first.withLock { first in
      defer { first = first ?? number }
      return first == nil
    }
    let continuation = Self.waiting.withLock { waiting in
      defer { waiting = nil }
      return waiting
    }
    // Nobody waits for it (a one-shot tool), or it is the second: end as the shell expects.
    guard isFirst, let continuation else { _exit(128 + number) }
    continuation.resume(returning: number)
  }
}
