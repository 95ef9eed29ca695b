import P2PHost
import Synchronization

/// Time that passes only when a test says so.
final class TestClock: Sendable {
  private struct Sleeper {
    let id: Int
    let until: Duration
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var now: Duration = .zero
    var lastID = 0
    var cancelled: Set<Int> = []
    var sleepers: [Sleeper] = []
    var watchers: [(Duration, CheckedContinuation<Void, Never>)] = []
  }

  private let state = Mutex(State())
  static let start: Int64 = 1_700_000_000_000

  var hostClock: HostClock {
    HostClock(
      wall: { Self.start + Int64(self.now / .milliseconds(1)) }, monotonic: { self.now },
      sleep: { try await self.sleep($0) })
  }

  var now: Duration { self.state.withLock { $0.now } }

  func sleep(_ duration: Duration) async throws {
    let id = self.state.withLock { state in
      state.lastID += 1
      return state.lastID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        enum Outcome {
          case sleeps([CheckedContinuation<Void, Never>])
          case cancelled, over
        }
        let outcome = self.state.withLock { state -> Outcome in
          if state.cancelled.remove(id) != nil { return .cancelled }
          if duration <= .zero { return .over }
          state.sleepers.append(Sleeper(id: id, until: state.now + duration, continuation: continuation))
          let watchers = state.watchers.filter { $0.0 == duration }
          state.watchers.removeAll { $0.0 == duration }
          return .sleeps(watchers.map(\.1))
        }
        switch outcome {
        case .sleeps(let watchers): for watcher in watchers { watcher.resume() }
        case .cancelled: continuation.resume(throwing: CancellationError())
        case .over: continuation.resume()
        }
      }
    } onCancel: {
      let sleeper = self.state.withLock { state -> Sleeper? in
        guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return nil
        }
        return state.sleepers.remove(at: index)
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Waits until somebody sleeps that has exactly `duration` to go from now.
  func sleeper(of duration: Duration) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = self.state.withLock { state in
          if state.sleepers.contains(where: { $0.until == state.now + duration }) || Task.isCancelled { return true }
          state.watchers.append((duration, continuation))
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      // The test's time is over.
      let watchers = self.state.withLock { state in
        defer { state.watchers = [] }
        return state.watchers
      }
      for watcher in watchers { watcher.1.resume() }
    }
  }

  func advance(by duration: Duration) {
    let woken = self.state.withLock { state in
      state.now += duration
      let now = state.now
      let woken = state.sleepers.filter { $0.until <= now }
      state.sleepers.removeAll { $0.until <= now }
      return woken
    }
    for sleeper in woken { sleeper.continuation.resume() }
  }
}

extension TestClock {
  /// Lets time pass in steps of the host's tick, and waits for the work of each.
  func pass(_ duration: Duration) async throws {
    var left = duration
    while left > .zero {
      await self.sleeper(of: Host.tickInterval)
      self.advance(by: Host.tickInterval)
      // Time passes only as fast as the work that it causes.
      try await Task.sleep(for: .milliseconds(1))
      left -= Host.tickInterval
    }
    await self.sleeper(of: Host.tickInterval)
  }

  /// As `pass`, until `condition` holds; false when it does not within `limit` and a while of real time, which the
  /// work that was begun may need on a busy machine.
  func pass(atMost limit: Duration, until condition: () async -> Bool) async throws -> Bool {
    var left = limit
    while left > .zero {
      if await condition() { return true }
      try await self.pass(Host.tickInterval)
      left -= Host.tickInterval
    }
    return try await eventually(condition)
  }
}
