import LinuxIO
import P2PHost
import Synchronization

/// The time of hosts in a simulation: passes when `advance` says so.
final class SimulatedClock: @unchecked Sendable {
  // Guard: `sleepers` and what they hold are used on the loop only.

  private final class Sleeper: @unchecked Sendable {
    let until: Duration
    var continuation: CheckedContinuation<Void, any Error>?
    var isCancelled = false

    init(until: Duration) { self.until = until }

    func end(_ result: Result<Void, any Error>) {
      self.continuation?.resume(with: result)
      self.continuation = nil
    }
  }

  private static let start: Int64 = 1_700_000_000_000

  private let loop: EventLoop
  private let nanoseconds = Atomic<Int64>(0)
  private var sleepers: [Sleeper] = []

  init(loop: EventLoop) { self.loop = loop }

  var now: Duration { .nanoseconds(self.nanoseconds.load(ordering: .acquiring)) }

  var hostClock: HostClock {
    HostClock(
      wall: { Self.start + Int64(self.now / .milliseconds(1)) }, monotonic: { self.now },
      sleep: { try await self.sleep($0) })
  }

  func sleep(_ duration: Duration) async throws {
    let sleeper = Sleeper(until: self.now + duration)
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        self.loop.execute {
          sleeper.continuation = continuation
          if sleeper.isCancelled {
            sleeper.end(.failure(CancellationError()))
          } else if sleeper.until <= self.now {
            sleeper.end(.success(()))
          } else {
            self.sleepers.append(sleeper)
          }
        }
      }
    } onCancel: {
      self.loop.execute {
        sleeper.isCancelled = true
        sleeper.end(.failure(CancellationError()))
      }
    }
  }

  /// On the loop.
  func advance(by duration: Duration) {
    self.nanoseconds.add(Int64(duration / .nanoseconds(1)), ordering: .releasing)
    for sleeper in self.sleepers where sleeper.until <= self.now { sleeper.end(.success(())) }
    self.sleepers.removeAll { $0.continuation == nil }
  }
}
