/// The state of one authenticated connection, from the transport's word that it is open to the word that it is gone.
package struct ConnectionLifecycle: Sendable {
  private enum Phase: Sendable {
    case connected
    case disconnecting
    case ended(LinkState)
  }

  private var phase: Phase = .connected

  package init() {}

  package var state: LinkState {
    switch self.phase {
    case .connected: .connected
    case .disconnecting: .disconnecting
    case .ended(let state): state
    }
  }

  package enum OnClosing: Sendable, Hashable {
    /// Close it and publish the change.
    case close(LinkChange)
    /// It is being closed or gone already.
    case nothing
  }

  /// We want it closed.
  package mutating func closing() -> OnClosing {
    switch self.phase {
    case .connected:
      self.phase = .disconnecting
      return .close(LinkChange(from: .connected, to: .disconnecting))
    case .disconnecting, .ended:
      return .nothing
    }
  }

  package enum OnClosed: Sendable, Hashable {
    case publish(LinkChange, wasClosing: Bool)
    /// The transport said it twice.
    case nothing
  }

  /// The transport's last word. `lost`: nobody said a word; then it ends as `failed`, otherwise as `idle`.
  package mutating func closed(lost: Bool) -> OnClosed {
    let end: LinkState = lost ? .failed : .idle
    switch self.phase {
    case .connected:
      self.phase = .ended(end)
      return .publish(LinkChange(from: .connected, to: end), wasClosing: false)
    case .disconnecting:
      self.phase = .ended(end)
      return .publish(LinkChange(from: .disconnecting, to: end), wasClosing: true)
    case .ended:
      return .nothing
    }
  }
}
