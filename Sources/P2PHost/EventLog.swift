package import P2PCore
internal import Synchronization

/// Events of this node, numbered from 1 without gaps.
package final class EventLog: Sendable {
  /// Distinguishes this run of the process: 12 hex digits.
  package let bootID: String

  /// Events that may wait for a subscriber to return; when it is reached the oldest is lost to subscribers, which
  /// see it as a jump in the numbers.
  static let waitingMax = 16_384

  private struct Subscriber {
    let id: UInt64
    /// Only events after this number are delivered.
    let after: UInt64
    let deliver: @Sendable (NodeEvent) -> Void
  }

  private struct State {
    var lastNumber: UInt64 = 0
    var lastSubscriber: UInt64 = 0
    var subscribers: [Subscriber] = []
    var waiting: [NodeEvent] = []
    /// Some thread is in `deliverWaiting`; it alone calls subscribers, which keeps them in order.
    var delivering = false
  }

  private let state = Mutex(State())

  package init(bootID: String) { self.bootID = bootID }

  /// The number of the newest event; 0 before the first.
  package var lastNumber: UInt64 { self.state.withLock { $0.lastNumber } }

  /// Calls `deliver` for each later event, in order, from any thread, outside locks; it must return at once.
  /// The answer ends the subscription; a delivery already under way may still arrive.
  package func subscribe(_ deliver: @escaping @Sendable (NodeEvent) -> Void) -> @Sendable () -> Void {
    let id = self.state.withLock { state in
      state.lastSubscriber += 1
      state.subscribers.append(
        Subscriber(id: state.lastSubscriber, after: state.lastNumber, deliver: deliver))
      return state.lastSubscriber
    }
    return { [weak self] in
      self?.state.withLock { state in state.subscribers.removeAll { $0.id == id } }
    }
  }

  /// Numbers and delivers an event. Call it after the state that it tells of can be read, and never under a lock.
  /// `time` is in milliseconds since the Unix epoch.
  package func publish(
    _ type: String, time: Int64, peerID: PeerID? = nil, connectionID: String? = nil,
    fields: [(String, EventValue)] = []
  ) {
    let mustDeliver = self.state.withLock { state in
      state.lastNumber += 1
      guard !state.subscribers.isEmpty else { return false }
      if state.waiting.count >= Self.waitingMax { state.waiting.removeFirst() }
      state.waiting.append(
        NodeEvent(
          number: state.lastNumber, time: time, type: type, peerID: peerID, connectionID: connectionID,
          fields: fields))
      if state.delivering { return false }
      state.delivering = true
      return true
    }
    if mustDeliver { self.deliverWaiting() }
  }

  private func deliverWaiting() {
    while true {
      let (events, subscribers) = self.state.withLock { state in
        let taken = (state.waiting, state.subscribers)
        state.waiting = []
        if taken.0.isEmpty { state.delivering = false }
        return taken
      }
      if events.isEmpty { return }
      for event in events {
        for subscriber in subscribers where event.number > subscriber.after {
          subscriber.deliver(event)
        }
      }
    }
  }
}
