/// Who knocked and is on no list, so that an operator can let a member in. Times are milliseconds since the Unix epoch.
package struct UnknownPeers: Sendable {
  /// Most peers kept; a further one takes the place of the one that knocked longest ago.
  package static let countMaximum = 256

  package struct Entry: Sendable, Hashable {
    package let peer: PeerID
    /// Where it came from last.
    package fileprivate(set) var address: Multiaddr
    package let firstSeenAt: Int64
    package fileprivate(set) var lastSeenAt: Int64
    package fileprivate(set) var count: Int
    /// Grows with each knock: the order of the list, whatever the wall clock does.
    fileprivate var number: UInt64
  }

  private var known: [PeerID: Entry] = [:]
  private var number: UInt64 = 0

  package init() {}

  package var count: Int { self.known.count }

  /// Newest knock first.
  package var entries: [Entry] { self.known.values.sorted { $0.number > $1.number } }

  package mutating func note(_ peer: PeerID, address: Multiaddr, now: Int64) {
    self.number += 1
    if var entry = self.known[peer] {
      entry.address = address
      entry.lastSeenAt = now
      entry.count += 1
      entry.number = self.number
      self.known[peer] = entry
      return
    }
    // A scan, but one that is small beside the handshake that came before it.
    if self.known.count >= Self.countMaximum, let oldest = self.known.values.min(by: { $0.number < $1.number }) {
      self.known[oldest.peer] = nil
    }
    self.known[peer] = Entry(
      peer: peer, address: address, firstSeenAt: now, lastSeenAt: now, count: 1, number: self.number)
  }

  /// It was let in, or is blocked by name now. False when it is not there.
  @discardableResult
  package mutating func remove(_ peer: PeerID) -> Bool { self.known.removeValue(forKey: peer) != nil }
}
