internal import Glibc

/// The clock of deadlines: time since an arbitrary moment. A plain `Duration`, because Swift 6.0 fails to compile a
/// mutex around a state that holds an instant of `ContinuousClock`.
enum Monotonic {
  static var now: Duration {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
