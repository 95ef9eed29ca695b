/// The clocks that a host lives by; tests give it ones of their own.
package struct HostClock: Sendable {
  /// Milliseconds since the Unix epoch.
  package var wall: @Sendable () -> Int64
  /// Since an arbitrary moment; never runs backwards.
  package var monotonic: @Sendable () -> Duration
  /// Waits that long; throws when the task is cancelled.
  package var sleep: @Sendable (Duration) async throws -> Void

  package init(
    wall: @escaping @Sendable () -> Int64, monotonic: @escaping @Sendable () -> Duration,
    sleep: @escaping @Sendable (Duration) async throws -> Void
  ) {
    self.wall = wall
    self.monotonic = monotonic
    self.sleep = sleep
  }

  /// The machine's clocks; `wall` is an argument because the standard library has none.
  package static func system(wall: @escaping @Sendable () -> Int64) -> HostClock {
    let origin = ContinuousClock.now
    return HostClock(
      wall: wall, monotonic: { origin.duration(to: .now) }, sleep: { try await Task.sleep(for: $0) })
  }

  /// Waits that long; false when the task was cancelled meanwhile.
  package func pause(_ duration: Duration) async -> Bool {
    do {
      try await self.sleep(duration)
      return true
    } catch {
      return false
    }
  }

  /// Runs `operation`; when it has not ended after `timeout`, cancels it, waits for it and throws `DeadlinePassed`.
  package func limit<Result: Sendable>(
    _ timeout: Duration, _ operation: @escaping @Sendable () async throws -> Result
  ) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask { try await operation() }
      group.addTask {
        try await self.sleep(timeout)
        return nil
      }
      defer { group.cancelAll() }
      while let first = try await group.next() {
        guard let result = first else { throw DeadlinePassed() }
        return result
      }
      throw CancellationError()
    }
  }
}

/// What was waited for did not happen in time.
package struct DeadlinePassed: Error, Hashable, CustomStringConvertible {
  package let description = "timed out"
}
