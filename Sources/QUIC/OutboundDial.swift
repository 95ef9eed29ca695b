import LinuxIO
import P2PCore

/// A dial: one connection, or where nothing at all is heard a fresh one every few seconds, until one is established,
/// has failed for a reason, or the time is over.
///
/// A connection doubles the time between its Initials (RFC 9002 §6.2): after a few seconds a remote that comes back
/// would be noticed late. On the thread of its endpoint.
final class OutboundDial {
  /// A connection that has heard nothing for this long is begun anew with its next probe: Initials go out after
  /// 0, 1 and 3 s, then after 1 and 3 s again.
  static let silenceMax: MonotonicNanoseconds = 2_500_000_000
  /// What the network says against the remote ends a dial within this time. Later it may be about a neighbour that
  /// is away for a moment, and is only remembered.
  static let networkErrorGrace: MonotonicNanoseconds = 1_000_000_000

  let origin: QUICConnection.Origin
  let startedAt: MonotonicNanoseconds
  private let deadline: MonotonicNanoseconds
  /// Nil when it has ended.
  private(set) var connection: QUICConnection?
  /// What the network last said.
  private var networkError: DialError?
  private var ended: ((Result<QUICConnectionHandle, DialError>) -> Void)?

  /// `ended` is called once.
  init(
    _ origin: QUICConnection.Origin, timeout: Duration, now: MonotonicNanoseconds,
    ended: @escaping (Result<QUICConnectionHandle, DialError>) -> Void
  ) {
    self.origin = origin
    self.startedAt = now
    self.deadline = now &+ timeout.nanosecondsClamped
    self.ended = ended
  }

  func timeLeft(now: MonotonicNanoseconds) -> Duration {
    .nanoseconds(Int64(clamping: self.deadline > now ? self.deadline - now : 0))
  }

  func begin(_ connection: QUICConnection) {
    self.connection?.dial = nil
    self.connection = connection
    connection.dial = self
  }

  /// Whether `connection` is to be begun anew.
  func isStale(_ connection: QUICConnection, now: MonotonicNanoseconds) -> Bool {
    connection.phase == .handshaking && !connection.heardFromRemote
      && now &- connection.startedAt >= OutboundDial.silenceMax
      && self.timeLeft(now: now) > .milliseconds(100)
  }

  /// True when the dial must end.
  func note(networkError error: DialError, now: MonotonicNanoseconds) -> Bool {
    self.networkError = error
    return error.class == .refused || now &- self.startedAt < OutboundDial.networkErrorGrace
  }

  func end(_ result: Result<QUICConnectionHandle, DialError>) {
    guard let ended = self.ended else { return }
    self.ended = nil
    self.connection?.dial = nil
    // An established one is the handle's.
    defer { self.connection = nil }
    if case .failure(let error) = result, error.class == .timeout, let said = self.networkError {
      ended(.failure(DialError(said.class, "\(error.detail); \(said.detail)", temporary: said.temporary)))
    } else {
      ended(result)
    }
  }
}
