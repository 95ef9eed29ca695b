internal import P2PCore

/// All known peers, at most `maximum`.
struct PeerTable: Sendable {
  let maximum: Int
  private var records: [PeerID: PeerRecord] = [:]

  init(maximum: Int) {
    precondition(maximum > 0)
    self.maximum = maximum
  }

  var count: Int { self.records.count }
  var all: Dictionary<PeerID, PeerRecord>.Values { self.records.values }

  /// In place; nil for an unknown peer. A known one cannot be removed this way.
  subscript(id: PeerID) -> PeerRecord? {
    get { self.records[id] }
    _modify { yield &self.records[id] }
  }

  /// In the order of their ids' bytes, without those that an operator deleted. Sorts ids: records are large to move.
  var sorted: [PeerRecord] {
    self.records.keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
      .compactMap { self.records[$0] }.filter { !$0.isForgotten }
  }

  enum OnAdd: Sendable, Equatable {
    case known
    /// It is new, and these were forgotten for it.
    case added(forgotten: [PeerID])
  }

  /// Makes sure that `id` has a record.
  mutating func add(_ id: PeerID, now: Int64) -> OnAdd {
    if self.records[id] != nil { return .known }
    let forgotten = self.records.count >= self.maximum ? self.evict() : []
    self.records[id] = PeerRecord(id: id, now: now)
    return .added(forgotten: forgotten)
  }

  /// For a peer at rest.
  mutating func remove(_ id: PeerID) { self.records[id] = nil }

  /// Forgets the peers that are at rest, are not in the address book and were unseen longest: a 64th of the table at a time, so that the cost
  /// of the search is spread over as many additions.
  private mutating func evict() -> [PeerID] {
    let count = max(1, self.maximum / 64)
    let victims = self.records.values
      .filter { $0.lifecycle.isAtRest && $0.book == nil }
      .sorted { ($0.lastSeenAt ?? $0.firstSeenAt, $0.text) < ($1.lastSeenAt ?? $1.firstSeenAt, $1.text) }
      .prefix(count)
      .map(\.id)
    for id in victims { self.records[id] = nil }
    return victims
  }
}
