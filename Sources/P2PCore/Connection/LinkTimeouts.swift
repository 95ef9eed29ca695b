/// How long a link may stay in a state that waits for somebody else; the host watches the clock.
package struct LinkTimeouts: Sendable, Hashable {
  /// Of a dial and its handshake together; then the dial ends as `failed`. `peers.connection_timeout`.
  package var connect: Duration = .seconds(10)
  /// For the streams of a connection that is being closed to finish; then it is cut off.
  package var drain: Duration = .seconds(5)

  package init() {}

  /// Nil for states that nobody is waited for in.
  package func limit(for state: LinkState) -> Duration? {
    switch state {
    case .connecting: self.connect
    case .disconnecting: self.drain
    case .idle, .connected, .failed: nil
    }
  }
}
