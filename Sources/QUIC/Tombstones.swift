import CNgtcp2
import LinuxIO

/// Connections that ended lately: what still arrives for them gets our last word again, or silence, but never a
/// stateless reset (RFC 9000 §10.2).
struct Tombstones {
  /// Beyond it the oldest is forgotten early.
  static let countMax = 4_096

  final class Tombstone {
    let ids: [ConnectionID]
    /// CONNECTION_CLOSE; nil when the remote closed.
    let packet: [UInt8]?
    let route: cng_route
    let expiry: MonotonicNanoseconds
    var hits = 0

    init(ids: [ConnectionID], packet: [UInt8]?, route: cng_route, expiry: MonotonicNanoseconds) {
      self.ids = ids
      self.packet = packet
      self.route = route
      self.expiry = expiry
    }
  }

  private var byID: [ConnectionID: Tombstone] = [:]
  /// In the order of burial; the part before `first` is done.
  private var order: [Tombstone] = []
  private var first = 0

  mutating func bury(_ tombstone: Tombstone) {
    for id in tombstone.ids { self.byID[id] = tombstone }
    self.order.append(tombstone)
    if self.order.count - self.first > Tombstones.countMax { self.removeOldest() }
  }

  mutating func expire(now: MonotonicNanoseconds) {
    while self.first < self.order.count, self.order[self.first].expiry <= now { self.removeOldest() }
  }

  /// When the oldest goes; `.max` when there is none.
  var nextExpiry: MonotonicNanoseconds { self.first < self.order.count ? self.order[self.first].expiry : .max }

  subscript(id: ConnectionID) -> Tombstone? { self.byID[id] }

  private mutating func removeOldest() {
    let oldest = self.order[self.first]
    for id in oldest.ids where self.byID[id] === oldest { self.byID[id] = nil }
    self.first += 1
    if self.first == self.order.count || self.first >= 1_024 {
      self.order.removeFirst(self.first)
      self.first = 0
    }
  }
}
