internal import P2PCore
internal import Synchronization

/// Carries what the transport tells, in order, from its thread to the host: one hop for all that has come up.
final class TransportInbox: Sendable {
  /// Events that may wait for the host. Beyond it only those about connections that the host knows are kept,
  /// whose number is bounded by the connections there are.
  static let waitingMax = 65_536

  private struct State {
    var waiting: [TransportEvent] = []
    /// A hop to the host is under way.
    var scheduled = false
  }

  private let state = Mutex(State())
  private let counters: HostCounters

  init(counters: HostCounters) {
    self.counters = counters
  }

  /// True when the caller must see to it that `take` is called.
  func put(_ event: TransportEvent) -> Bool {
    let (schedule, dropped) = self.state.withLock { state -> (Bool, Bool) in
      if state.waiting.count >= Self.waitingMax && Self.isExpendable(event) { return (false, true) }
      state.waiting.append(event)
      defer { state.scheduled = true }
      return (!state.scheduled, false)
    }
    if dropped {
      self.counters.eventDropped()
      // A connection that the host will never hear of must not live.
      if case .opened(let connection) = event {
        connection.close(code: ConnectionCode.resourceLimitExceeded, reason: "overloaded")
      }
    }
    return schedule
  }

  /// All that waits; for the host, which must handle it before it awaits anything.
  func take() -> [TransportEvent] {
    self.state.withLock { state in
      defer { state.waiting = [] }
      state.scheduled = false
      return state.waiting
    }
  }

  private static func isExpendable(_ event: TransportEvent) -> Bool {
    switch event {
    case .closed: false
    case .opened, .stream, .pathChanged, .inboundRefused, .datagramsDropped, .listenerAdded, .listenerFailed,
      .networkChanged:
      true
    }
  }
}
