internal import P2PCore

/// What goes on between two sides that have agreed: keep-alives both ways, until one of them ends it.
package struct Session: Sendable {
  package let agreement: Agreement
  package private(set) var clock = ClockOffset()
  private var schedule: KeepAliveSchedule

  /// `now` of any clock that never runs backwards.
  package init(_ agreement: Agreement, now: Duration) {
    self.agreement = agreement
    self.schedule = KeepAliveSchedule(now: now)
    if let sample = agreement.clock { self.clock.add(sample) }
  }

  package enum OnFrame: Sendable, Hashable {
    /// Nothing to do; read on.
    case nothing
    /// The clock was measured anew; read on.
    case measured(ClockOffset.Sample)
    /// Send this frame; read on.
    case send([UInt8])
    /// The session is over. Send the frame, if there is one, and end our side.
    case over(Rejection, send: [UInt8]?)
  }

  /// A frame of the remote. `nowMilliseconds`: our clock, since the Unix epoch.
  package mutating func received(_ frame: [UInt8], now: Duration, nowMilliseconds: UInt64) -> OnFrame {
    let message: Message?
    do { message = try Message(frame: frame) } catch { return Self.over(.malformed, "\(error)") }
    switch message {
    case .keepAlive(let request)?:
      let reply = KeepAliveReply(
        to: request, receivedMilliseconds: nowMilliseconds, sentMilliseconds: nowMilliseconds)
      return .send(Message.keepAliveReply(reply).frame)
    case .keepAliveReply(let reply)?:
      guard let sent = self.schedule.replied(number: reply.number, now: now),
        let sample = ClockOffset.Sample(
          sent: sent, remoteReceived: reply.receivedMilliseconds, remoteSent: reply.sentMilliseconds,
          received: nowMilliseconds)
      else { return .nothing }
      self.clock.add(sample)
      return .measured(sample)
    case .reject(let reject)?: return .over(Rejection(reject), send: nil)
    case .hello?: return Self.over(.secondHello, RejectCode.secondHello.sentence)
    case .accept?: return Self.over(.malformed, "an accept within a session")
    // Of a newer minor version.
    case nil: return .nothing
    }
  }

  package enum OnTimer: Sendable, Hashable {
    /// Call again then.
    case wait(until: Duration)
    /// Send this frame, and call again then.
    case send([UInt8], next: Duration)
    /// The remote does not answer: reset the stream with `StreamCode.none`.
    case over
  }

  /// Call at once, and then at the moment that was answered. `nowMilliseconds`: our clock, since the Unix epoch.
  package mutating func timer(now: Duration, nowMilliseconds: UInt64) -> OnTimer {
    switch self.schedule.timer(now: now, nowMilliseconds: nowMilliseconds) {
    case .wait(let until): return .wait(until: until)
    case .send(let number, let next):
      let request = KeepAlive(number: number, timeMilliseconds: nowMilliseconds)
      return .send(Message.keepAlive(request).frame, next: next)
    case .over: return .over
    }
  }

  private static func over(_ code: RejectCode, _ reason: String) -> OnFrame {
    let rejection = Rejection(code, reason)
    return .over(rejection, send: rejection.frame)
  }
}
