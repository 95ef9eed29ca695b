internal import Synchronization

/// At most `count` holders at a time; who comes later waits its turn.
final class SlotPool: Sendable {
  private struct State {
    var free: Int
    var lastTicket: UInt64 = 0
    /// In the order of arrival; as many as there are tasks that ask.
    var waiting: [(ticket: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
    /// Cancelled before they began to wait.
    var cancelled: Set<UInt64> = []
  }

  private let state: Mutex<State>

  init(count: Int) { self.state = Mutex(State(free: count)) }

  /// Runs `body` with a slot; nil when the task was cancelled before it got one.
  func withSlot<Result: Sendable>(_ body: () async -> Result) async -> Result? {
    guard await self.acquire() else { return nil }
    defer { self.release() }
    return await body()
  }

  private func acquire() async -> Bool {
    let ticket = self.state.withLock { state in
      state.lastTicket += 1
      return state.lastTicket
    }
    // A cancellation that came too late leaves its mark.
    defer { self.state.withLock { _ = $0.cancelled.remove(ticket) } }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let outcome: Bool? = self.state.withLock { state in
          if state.cancelled.remove(ticket) != nil { return false }
          if state.free > 0 {
            state.free -= 1
            return true
          }
          state.waiting.append((ticket, continuation))
          return nil
        }
        if let outcome { continuation.resume(returning: outcome) }
      }
    } onCancel: {
      let waiter = self.state.withLock { state -> CheckedContinuation<Bool, Never>? in
        guard let index = state.waiting.firstIndex(where: { $0.ticket == ticket }) else {
          state.cancelled.insert(ticket)
          return nil
        }
        return state.waiting.remove(at: index).continuation
      }
      waiter?.resume(returning: false)
    }
  }

  private func release() {
    let next = self.state.withLock { state -> CheckedContinuation<Bool, Never>? in
      if state.waiting.isEmpty {
        state.free += 1
        return nil
      }
      return state.waiting.removeFirst().continuation
    }
    next?.resume(returning: true)
  }
}
