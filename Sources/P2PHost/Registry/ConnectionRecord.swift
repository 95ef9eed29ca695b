internal import P2PCore

/// A live connection in the host's books.
struct ConnectionRecord: Sendable {
  let connection: any Connection
  /// Grows with each connection: the order of lists.
  let number: UInt64
  /// By the monotonic clock.
  let openedSince: Duration
  /// The remote's at the start: what it is counted under. Empty where the transport has no IP addresses.
  let ip: [UInt8]
  var lifecycle = ConnectionLifecycle()
  /// The peer has told on it who it is and what it speaks.
  var isIdentified = false
  /// Asks who the peer is.
  var identification: Task<Void, Never>?
  /// Pings without an answer, one behind the other.
  var misses = 0
  var isProbing = false

  init(connection: any Connection, number: UInt64, openedSince: Duration) {
    self.connection = connection
    self.number = number
    self.openedSince = openedSince
    self.ip = connection.remoteAddress.ip ?? []
  }
}
