/// How far the remote's clock is ahead of ours: of the last samples, the one that took the least time counts
/// (RFC 5905 §10, the clock filter).
package struct ClockOffset: Sendable, Hashable {
  /// Samples kept; the oldest gives way.
  package static let samplesMax = 8

  package struct Sample: Sendable, Hashable {
    /// The remote's clock minus ours, milliseconds.
    package let offsetMilliseconds: Int64
    /// Both ways, without the remote's own time. The true offset is within half of it.
    package let roundTripMilliseconds: Int64

    /// Four times, milliseconds since the Unix epoch: ours when the request left and when the answer arrived, the
    /// remote's when the request arrived and when the answer left (RFC 5905 §8: T1, T4; T2, T3). Nil when they
    /// cannot be true.
    package init?(sent: UInt64, remoteReceived: UInt64, remoteSent: UInt64, received: UInt64) {
      guard max(sent, remoteReceived, remoteSent, received) <= FieldRules.timeMax else { return nil }
      let (t1, t2, t3, t4) = (Int64(sent), Int64(remoteReceived), Int64(remoteSent), Int64(received))
      let roundTrip = (t4 - t1) - (t3 - t2)
      guard t3 >= t2, roundTrip >= 0 else { return nil }
      // Rounded towards zero.
      self.offsetMilliseconds = ((t2 - t1) + (t3 - t4)) / 2
      self.roundTripMilliseconds = roundTrip
    }
  }

  /// Oldest first.
  private var samples: [Sample] = []

  package init() {}

  package mutating func add(_ sample: Sample) {
    if self.samples.count == Self.samplesMax { self.samples.removeFirst() }
    self.samples.append(sample)
  }

  /// Of least round trip, the latest of several; nil before the first.
  package var best: Sample? {
    self.samples.reversed().min { $0.roundTripMilliseconds < $1.roundTripMilliseconds }
  }

  /// The remote's clock minus ours.
  package var milliseconds: Int64? { self.best?.offsetMilliseconds }
}
