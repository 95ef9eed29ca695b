/// The state of one authenticated connection, from the transport's word that it is open to the word that it is gone.
package struct ConnectionLifecycle: Sendable {
  private enum Phase: Sendable {
    case connected
    case disconnecting(CloseReason)
    case ended(LinkState, CloseReason)
  }

  private var phase: Phase = .connected

  package init() {}

  package var state: LinkState {
    switch self.phase {
    case .connected: .connected
    case .disconnecting: .disconnecting
    case .ended(let state, _): state
    }
  }

  /// Why it is being closed or gone; nil while it is open. The first one that was given stays.
  package var reason: CloseReason? {
    switch self.phase {
    case .connected: nil
    case .disconnecting(let reason), .ended(_, let reason): reason
    }
  }

  package enum OnClosing: Sendable, Hashable {
    /// Close it and publish the change.
    case close(LinkChange)
    /// It is being closed or gone already.
    case nothing
  }

  /// We want it closed.
  package mutating func closing(_ reason: CloseReason) -> OnClosing {
    switch self.phase {
    case .connected:
      self.phase = .disconnecting(reason)
      return .close(LinkChange(from: .connected, to: .disconnecting))
    case .disconnecting, .ended:
      return .nothing
    }
  }

  package enum OnDrainTimedOut: Sendable, Hashable {
    /// Cut it off, take it out of the books and publish the change; the transport's last word will mean nothing.
    case abort(LinkChange)
    /// It is not being closed, or gone already.
    case nothing
  }

  /// It has been `disconnecting` for too long.
  package mutating func drainTimedOut() -> OnDrainTimedOut {
    switch self.phase {
    case .disconnecting(let reason):
      self.phase = .ended(.failed, reason)
      return .abort(LinkChange(from: .disconnecting, to: .failed))
    case .connected, .ended:
      return .nothing
    }
  }

  package enum OnClosed: Sendable, Hashable {
    case publish(LinkChange, wasClosing: Bool)
    /// The transport said it twice, or after we had cut it off.
    case nothing
  }

  /// The transport's last word. Where nobody said a word (`initiator` is `none`) or one side refuses the other it ends
  /// as `failed`, otherwise as `idle`.
  package mutating func closed(_ reason: CloseReason) -> OnClosed {
    switch self.phase {
    case .connected:
      let end: LinkState = reason.isFailure ? .failed : .idle
      self.phase = .ended(end, reason)
      return .publish(LinkChange(from: .connected, to: end), wasClosing: false)
    case .disconnecting(let first):
      let end: LinkState = reason.initiator == .none || first.isRefusal ? .failed : .idle
      self.phase = .ended(end, first)
      return .publish(LinkChange(from: .disconnecting, to: end), wasClosing: true)
    case .ended:
      return .nothing
    }
  }
}
