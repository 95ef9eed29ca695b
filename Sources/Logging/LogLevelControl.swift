internal import Glibc
internal import Synchronization

/// What is logged from which severity on, while the node runs; a change may be for a time only.
package final class LogLevelControl: Sendable {
  package struct Levels: Sendable, Hashable {
    package var level: LogLevel
    /// By subsystem, where they differ from `level`.
    package var overrides: [String: LogLevel]

    package init(_ level: LogLevel, overrides: [String: LogLevel] = [:]) {
      self.level = level
      self.overrides = overrides
    }
  }

  private struct State {
    var current: Levels
    /// What a change for a time ends in.
    var lasting: Levels
    /// Of `now`; nil: the levels stay.
    var revertsAt: Duration?
    /// Of changes: a timer that comes too late is told by it.
    var generation: UInt64 = 0
    var timer: Task<Void, Never>?
  }

  private let state: Mutex<State>
  private let now: @Sendable () -> Duration
  private let sleep: @Sendable (Duration) async throws -> Void
  private let apply: @Sendable (Levels) -> Void

  /// - Parameters:
  ///   - levels: those in force; nil: those of the log.
  ///   - now: of a clock that never goes back.
  ///   - apply: makes levels those of the log.
  package init(
    _ levels: Levels? = nil, now: @escaping @Sendable () -> Duration = LogLevelControl.monotonic,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
    apply: @escaping @Sendable (Levels) -> Void = { LogBackend.setLevels($0.level, overrides: $0.overrides) }
  ) {
    let current = LogBackend.currentLevels
    let levels = levels ?? Levels(current.level, overrides: current.overrides)
    self.state = Mutex(State(current: levels, lasting: levels))
    self.now = now
    self.sleep = sleep
    self.apply = apply
  }

  /// `revertsAfter`: nil when the levels stay as they are.
  package var current: (levels: Levels, revertsAfter: Duration?) {
    self.state.withLock { state in
      (state.current, state.revertsAt.map { max(.zero, $0 - self.now()) })
    }
  }

  /// From now on, for good or for a time; then those return that were last set for good.
  package func set(_ levels: Levels, revertAfter time: Duration? = nil) {
    let generation = self.state.withLock { state in
      state.timer?.cancel()
      state.timer = nil
      state.generation += 1
      state.current = levels
      state.revertsAt = time.map { self.now() + $0 }
      if time == nil { state.lasting = levels }
      // Under the lock, so that the log has what was set last.
      self.apply(levels)
      return state.generation
    }
    guard let time else { return }
    let timer = Task { [weak self, sleep] in
      do { try await sleep(time) } catch { return }
      self?.revert(generation)
    }
    self.state.withLock { state in
      if state.generation == generation, state.revertsAt != nil { state.timer = timer } else { timer.cancel() }
    }
  }

  private func revert(_ generation: UInt64) {
    let levels: Levels? = self.state.withLock { state in
      guard state.generation == generation else { return nil }
      state.current = state.lasting
      state.revertsAt = nil
      state.timer = nil
      self.apply(state.lasting)
      return state.lasting
    }
    guard let levels else { return }
    Logger(subsystem: "log").notice("the time of other log levels is over", [("level", levels.level.name)])
  }

  /// Since the machine started.
  package static let monotonic: @Sendable () -> Duration = {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return .seconds(now.tv_sec) + .nanoseconds(now.tv_nsec)
  }
}
