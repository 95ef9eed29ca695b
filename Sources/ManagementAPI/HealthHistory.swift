internal import P2PHost
internal import Synchronization

/// How the node was in each of its last 60 minutes.
struct HealthHistory: Sendable {
  /// One look at the node.
  struct Sample: Sendable, Equatable {
    var status: HealthCheck.Status
    /// Peers that are to be kept connected, how many of them are, and with how many something is agreed.
    var pinned: PinnedCounts
    /// Connected peers, pinned or not.
    var connected: Int

    /// The more, the worse.
    fileprivate var badness: (Int, Int, Int) {
      (self.pinned.total - self.pinned.agreed, self.pinned.total - self.pinned.connected, -self.connected)
    }
  }

  struct Minute: Sendable, Equatable {
    /// Its beginning, milliseconds since the Unix epoch.
    let start: Int64
    /// The worst of it: a short outage counts. Its counts are of one moment.
    var worst: Sample
  }

  static let minutesMax = 60
  private static let minuteMilliseconds: Int64 = 60_000

  /// The oldest first; minutes that nobody looked at are missing.
  private(set) var minutes: [Minute] = []

  mutating func add(_ sample: Sample, at now: Int64) {
    let start = now - now % Self.minuteMilliseconds
    // The clock was set back.
    while let last = self.minutes.last, last.start > start { self.minutes.removeLast() }
    guard let last = self.minutes.indices.last, self.minutes[last].start == start else {
      self.minutes.append(Minute(start: start, worst: sample))
      self.minutes.removeAll { $0.start <= start - Int64(Self.minutesMax) * Self.minuteMilliseconds }
      return
    }
    let status = max(self.minutes[last].worst.status, sample.status)
    if sample.badness > self.minutes[last].worst.badness { self.minutes[last].worst = sample }
    self.minutes[last].worst.status = status
  }
}

/// Looks at the node every few seconds and keeps the history.
final class HealthRecorder: Sendable {
  private static let interval = Duration.seconds(10)

  private let node: any NodeControl
  private let monitor: HealthMonitor
  private let state = Mutex((history: HealthHistory(), task: Task<Void, Never>?.none))

  init(node: any NodeControl, monitor: HealthMonitor) {
    self.node = node
    self.monitor = monitor
  }

  var minutes: [HealthHistory.Minute] { self.state.withLock { $0.history.minutes } }

  func start() {
    let task = Task { [weak self] in
      do {
        while true {
          await self?.look(at: Timestamp.now())
          try await Task.sleep(for: Self.interval)
        }
      } catch {
        // Cancelled.
        return
      }
    }
    self.state.withLock { $0.task = task }
  }

  func stop() { self.state.withLock { $0.task }?.cancel() }

  func look(at now: Int64) async {
    let status = await self.monitor.checks().map(\.status).max() ?? .pass
    let node = await self.node.node()
    self.state.withLock {
      $0.history.add(
        HealthHistory.Sample(status: status, pinned: node.pinned, connected: node.peersByState[.connected] ?? 0),
        at: now)
    }
  }
}
