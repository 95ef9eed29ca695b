internal import P2PCore

/// A dial under way and who waits for it.
struct DialJob: Sendable {
  var info: DialInfo
  /// Of the keeper of pinned peers; nobody need wait for it.
  let isOfKeeper: Bool
  /// By the monotonic clock.
  let deadline: Duration
  var task: Task<Void, Never>?
  /// By ticket.
  var waiters: [UInt64: CheckedContinuation<DialResult?, Never>] = [:]
  /// It goes on although nobody waits.
  var isDetached: Bool

  /// Ends its attempts; the dial itself concludes soon.
  func cancel() { self.task?.cancel() }
}
