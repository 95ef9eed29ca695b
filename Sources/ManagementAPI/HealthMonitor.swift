internal import P2PHost
internal import Synchronization

/// One thing that a healthy node has.
struct HealthCheck: Sendable {
  enum Name: String, Sendable, CaseIterable {
    case listening
    case eventLoops = "event_loops"
    case accepting
    case quorum
    case clocks
  }

  /// Worst last.
  enum Status: Int, Sendable, Comparable {
    case pass, warn, fail

    var word: String {
      switch self {
      case .pass: "pass"
      case .warn: "warn"
      case .fail: "fail"
      }
    }

    static func < (a: Status, b: Status) -> Bool { a.rawValue < b.rawValue }
  }

  let name: Name
  let status: Status
  /// For people; nil when there is nothing to say.
  let detail: String?
  /// Since when it is in this status, as far as somebody looked: milliseconds since the Unix epoch.
  var since: Int64 = 0
}

/// Looks at the node when asked, and remembers since when what it saw is so.
final class HealthMonitor: Sendable {
  private let node: any NodeControl
  private let eventLoopsTurn: @Sendable () async -> Bool
  private let state = Mutex(State())

  private struct State {
    var seen: [HealthCheck.Name: (status: HealthCheck.Status, since: Int64)] = [:]
    /// Of the last probe that came back.
    var lag: Duration?
    /// When the probe under way began, by the monotonic clock; one at a time, or a loop that hangs would collect them.
    var probing: Duration?
  }

  /// A loop that does not come round in this time is stuck.
  private static let probeLimit = Duration.seconds(2)

  init(node: any NodeControl, eventLoopsTurn: @escaping @Sendable () async -> Bool) {
    self.node = node
    self.eventLoopsTurn = eventLoopsTurn
  }

  func checks() async -> [HealthCheck] {
    let loops = await self.eventLoops()
    // The node's own answer needs its loops.
    guard loops.status == .pass else { return [loops] }
    return self.checks(of: await self.node.node(), loops: loops)
  }

  func checks(of node: NodeInfo, loops: HealthCheck) -> [HealthCheck] {
    let failed = node.listeners.filter { $0.error != nil }
    let listening: HealthCheck
    if failed.count == node.listeners.count {
      let why = failed.map { "\($0.address): \($0.error ?? "")" }.joined(separator: "; ")
      listening = HealthCheck(
        name: .listening, status: .fail, detail: why.isEmpty ? "no listen address is configured" : why)
    } else {
      let why = failed.map { "\($0.address): \($0.error ?? "")" }.joined(separator: "; ")
      listening = HealthCheck(
        name: .listening, status: failed.isEmpty ? .pass : .warn, detail: failed.isEmpty ? nil : why)
    }
    let accepting = HealthCheck(
      name: .accepting, status: node.draining ? .fail : .pass,
      detail: node.draining ? "the node is shutting down and takes no new connections" : nil)
    return [
      self.dated(listening), loops, self.dated(accepting), self.dated(Self.quorum(node)), self.dated(Self.clocks(node)),
    ]
  }

  private static func quorum(_ node: NodeInfo) -> HealthCheck {
    let (pinned, quorum) = (node.pinned, node.quorum)
    var detail: String?
    if pinned.total > 0 || quorum.required > 0 {
      let count =
        quorum.countsAgreements
        ? "\(pinned.agreed) of \(pinned.total) pinned peers are agreed with (\(pinned.connected) connected)"
        : "\(pinned.connected) of \(pinned.total) pinned peers are connected"
      detail = "\(count), \(quorum.required) are needed" + (quorum.isMet ? "" : " (health.min_connected_peers)")
    }
    return HealthCheck(name: .quorum, status: quorum.isMet ? .pass : .fail, detail: detail)
  }

  private static func clocks(_ node: NodeInfo) -> HealthCheck {
    let (skewed, agreed) = (node.pinned.skewed, node.pinned.agreed)
    if skewed == 0 { return HealthCheck(name: .clocks, status: .pass, detail: nil) }
    return HealthCheck(
      name: .clocks, status: .warn,
      detail: "the clocks of \(skewed) of \(agreed) pinned peers differ from this node's by more than "
        + "\(Host.clockOffsetMax) ms; where it is most of them, this machine's own clock is off")
  }

  func eventLoops() async -> HealthCheck {
    let turn = await self.loopsTurn()
    return self.dated(
      HealthCheck(
        name: .eventLoops, status: turn ? .pass : .fail,
        detail: turn ? nil : "an event loop did not come round within \(Self.probeLimit)"))
  }

  /// How long the loops took to come round when they were last asked, or take already. Nil before the first time.
  var eventLoopLag: Duration? {
    let now = Timestamp.monotonic()
    return self.state.withLock { state in
      guard let since = state.probing else { return state.lag }
      return max(state.lag ?? .zero, now - since)
    }
  }

  private func dated(_ check: HealthCheck) -> HealthCheck {
    let now = Timestamp.now()
    var check = check
    check.since = self.state.withLock { state in
      if let seen = state.seen[check.name], seen.status == check.status { return seen.since }
      state.seen[check.name] = (check.status, now)
      return now
    }
    return check
  }

  private func loopsTurn() async -> Bool {
    let now = Timestamp.monotonic()
    let before = self.state.withLock { state in
      defer { if state.probing == nil { state.probing = now } }
      return state.probing
    }
    // Somebody else's probe is under way and has time left, or is overdue.
    if let before { return now - before < Self.probeLimit }
    let (answers, answer) = AsyncStream<Bool>.makeStream()
    let probe = Task {
      let turn = await self.eventLoopsTurn()
      let lag = Timestamp.monotonic() - now
      self.state.withLock { state in
        state.probing = nil
        state.lag = lag
      }
      answer.yield(turn)
    }
    let alarm = Task {
      do {
        try await Task.sleep(for: Self.probeLimit)
        answer.yield(false)
      } catch {
        // Cancelled: the probe has answered.
        return
      }
    }
    defer {
      alarm.cancel()
      probe.cancel()
    }
    for await turn in answers { return turn }
    return false
  }
}
