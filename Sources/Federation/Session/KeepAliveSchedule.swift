/// When to ask whether the remote still answers, and when to give up. Moments are of any clock that never runs
/// backwards.
package struct KeepAliveSchedule: Sendable {
  private struct Outstanding {
    let number: UInt64
    let sentAt: Duration
    /// The wall clock then.
    let sentMilliseconds: UInt64
  }

  private var lastNumber: UInt64 = 0
  private var nextAt: Duration
  private var outstanding: Outstanding?
  /// One after the other.
  private var misses = 0
  private var isOver = false

  /// The first one is due at once.
  package init(now: Duration) { self.nextAt = now }

  package enum OnTimer: Sendable, Hashable {
    /// Come back then.
    case wait(until: Duration)
    /// Send a keep-alive with this number, and come back then.
    case send(number: UInt64, next: Duration)
    /// The remote does not answer.
    case over
  }

  package mutating func timer(now: Duration, nowMilliseconds: UInt64) -> OnTimer {
    if let outstanding, now - outstanding.sentAt >= FederationProtocol.keepAliveReplyTimeout {
      self.outstanding = nil
      self.misses += 1
    }
    if self.misses >= FederationProtocol.keepAliveMissesMax { return .over }
    if now < self.nextAt { return .wait(until: self.deadline) }
    self.lastNumber += 1
    self.outstanding = Outstanding(number: self.lastNumber, sentAt: now, sentMilliseconds: nowMilliseconds)
    self.nextAt = now + FederationProtocol.keepAliveInterval
    return .send(number: self.lastNumber, next: self.deadline)
  }

  /// The wall clock when the keep-alive with this number left; nil when none is waited for that has it, for one.
  package mutating func replied(number: UInt64, now: Duration) -> UInt64? {
    guard let outstanding, outstanding.number == number,
      now - outstanding.sentAt < FederationProtocol.keepAliveReplyTimeout
    else { return nil }
    self.outstanding = nil
    self.misses = 0
    return outstanding.sentMilliseconds
  }

  private var deadline: Duration {
    guard let outstanding else { return self.nextAt }
    return min(self.nextAt, outstanding.sentAt + FederationProtocol.keepAliveReplyTimeout)
  }
}
