internal import P2PCore

/// A live connection in the host's books.
struct ConnectionRecord: Sendable {
  let connection: any Connection
  /// Grows with each connection: the order of lists.
  let number: UInt64
  /// By the monotonic clock.
  let openedSince: Duration
  var lifecycle = ConnectionLifecycle()
  /// Asks who the peer is.
  var identification: Task<Void, Never>?

  init(connection: any Connection, number: UInt64, openedSince: Duration) {
    self.connection = connection
    self.number = number
    self.openedSince = openedSince
  }
}
