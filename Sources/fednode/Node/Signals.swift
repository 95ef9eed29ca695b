internal import Glibc
internal import Synchronization

/// Where the signal handler writes: all that it may touch. Set once, before the handler is.
nonisolated(unsafe) private var signalPipe: Int32 = -1

/// SIGINT, SIGTERM and SIGHUP as values: a handler writes them into a pipe, a thread reads it. (Blocking them for `sigwait` is
/// not enough: the runtime's own threads may take them with their default action.)
enum Signals {
  private struct State {
    var first: Int32?
    /// Somebody will ask for the first one.
    var isExpected = false
    var waiting: CheckedContinuation<Int32, Never>?
    var hangUps: AsyncStream<Void>.Continuation?
  }
  private static let state = Mutex(State())

  /// Takes the signals over. Call first, on the main thread.
  static func install() {
    // A peer or a client that hangs up is an error of a write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    signalPipe = ends[1]
    let reader = UnsafeMutableRawPointer(bitPattern: UInt(ends[0]))
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { reader in
        Signals.read(from: Int32(UInt(bitPattern: reader)))
        return nil
      }, reader)
    guard result == 0 else { return }
    pthread_detach(thread)
    for number in [SIGINT, SIGTERM] { Self.take(number) }
  }

  private static func take(_ number: Int32) {
    signal(number) { number in
      let saved = errno
      var byte = UInt8(truncatingIfNeeded: number)
      _ = write(signalPipe, &byte, 1)
      errno = saved
    }
  }

  /// From now on SIGHUP ends nothing but makes an element. Several that come before it is taken make one.
  static func hangUps() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    Self.state.withLock { $0.hangUps = continuation }
    Self.take(SIGHUP)
    return stream
  }

  /// From now on the first signal waits for `next`, so that what has begun ends in order.
  static func expect() { Self.state.withLock { $0.isExpected = true } }

  /// Returns with the first signal. A second one ends the process at once.
  static func next() async -> Int32 {
    await withCheckedContinuation { continuation in
      let earlier = Self.state.withLock { state in
        if state.first == nil { state.waiting = continuation }
        return state.first
      }
      if let earlier { continuation.resume(returning: earlier) }
    }
  }

  private static func read(from descriptor: Int32) {
    var byte: UInt8 = 0
    while true {
      let count = Glibc.read(descriptor, &byte, 1)
      if count == 1 { Self.took(Int32(byte)) } else if count == 0 || errno != EINTR { return }
    }
  }

  private static func took(_ number: Int32) {
    guard number != SIGHUP else {
      Self.state.withLock { $0.hangUps }?.yield()
      return
    }
    let (isWanted, waiting) = Self.state.withLock { state in
      defer {
        state.first = state.first ?? number
        state.waiting = nil
      }
      return (state.first == nil && state.isExpected, state.waiting)
    }
    // Nobody will ask for it (a one-shot tool), or it is the second: end as a shell expects.
    guard isWanted else { _exit(128 + number) }
    waiting?.resume(returning: number)
  }
}
