/// Life of a peer or of a connection; the raw value is the contract's word.
package enum LinkState: String, Sendable, Hashable, CaseIterable {
  case idle, connecting, connected, disconnecting, failed

  /// Whether `next` may follow. A state never follows itself.
  package func mayBecome(_ next: LinkState) -> Bool {
    switch (self, next) {
    case (.idle, .connecting), (.idle, .connected): true
    case (.connecting, .connected), (.connecting, .failed), (.connecting, .idle): true
    // A dial that ended while the last connection was still closing.
    case (.connecting, .disconnecting): true
    // A dial that was under way when the last connection began to close, or was lost.
    case (.connected, .disconnecting), (.connected, .idle), (.connected, .failed), (.connected, .connecting): true
    case (.disconnecting, .idle), (.disconnecting, .failed): true
    case (.disconnecting, .connecting), (.disconnecting, .connected): true
    case (.failed, .connecting), (.failed, .connected): true
    default: false
    }
  }
}

/// A step from one state to another.
package struct LinkChange: Sendable, Hashable {
  package let from: LinkState
  package let to: LinkState

  package init(from: LinkState, to: LinkState) {
    self.from = from
    self.to = to
  }
}
