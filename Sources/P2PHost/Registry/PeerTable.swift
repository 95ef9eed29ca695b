internal import P2PCore

/// All known peers, at most `maximum`.
struct PeerTable: Sendable {
  let maximum: Int
  private var records: [PeerID: PeerRecord] = [:]
  /// All of them, in the order of their ids' bytes.
  private var order: [PeerID] = []
  /// Peers of the address book.
  private(set) var book: Set<PeerID> = []
  /// Deleted by an operator; they go with their last connection.
  private var forgotten: Set<PeerID> = []

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

  var countByState: [LinkState: Int] {
    var counts: [LinkState: Int] = [:]
    // By index, as an iterator copies the whole record.
    for index in self.records.values.indices {
      counts[self.records.values[index].lifecycle.state, default: 0] += 1
    }
    return counts
  }

  /// Up to `limit` records behind `after` that match, in the order of their ids' bytes, without those that an
  /// operator deleted. `inBook`: of the address book only.
  func page(
    after: PeerID?, limit: Int, inBook: Bool = false, isFiltered: Bool, where matches: (PeerRecord) -> Bool
  ) -> Listing<PeerRecord, PeerID> {
    var page = Listing<PeerRecord, PeerID>(items: [], total: self.count - self.forgotten.count, next: nil)
    let order =
      inBook ? self.book.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) } : self.order
    let start = after.map { Self.place(behind: $0, in: order) } ?? 0
    if isFiltered {
      page.total = 0
      for id in order[..<start] where self.records[id].map({ !$0.isForgotten && matches($0) }) == true {
        page.total += 1
      }
    }
    for id in order[start...] {
      guard let record = self.records[id], !record.isForgotten, !isFiltered || matches(record) else { continue }
      if isFiltered { page.total += 1 }
      if page.items.count < limit {
        page.items.append(record)
      } else {
        page.next = page.items.last?.id
        if !isFiltered { break }
      }
    }
    return page
  }

  private func place(behind id: PeerID) -> Int { Self.place(behind: id, in: self.order) }

  /// The place of the first id that is greater than `id`.
  private static func place(behind id: PeerID, in order: [PeerID]) -> Int {
    var range = 0..<order.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      if id.bytes.lexicographicallyPrecedes(order[middle].bytes) {
        range = range.lowerBound..<middle
      } else {
        range = (middle + 1)..<range.upperBound
      }
    }
    return range.lowerBound
  }

  // MARK: The address book

  /// Puts a known peer into the address book.
  mutating func enter(_ entry: BookEntry) {
    self.book.insert(entry.peerID)
    self.setForgotten(entry.peerID, false)
    self.records[entry.peerID]?.enter(entry)
  }

  /// Takes a known peer out of the address book; it is removed when it is at rest.
  mutating func forget(_ id: PeerID) {
    self.book.remove(id)
    self.setForgotten(id, true)
    self.records[id]?.leaveBook()
  }

  /// Takes a known peer out of the address book, and out of it only.
  mutating func leaveBook(_ id: PeerID) {
    self.book.remove(id)
    self.records[id]?.leaveBook()
  }

  /// It is back.
  mutating func remember(_ id: PeerID) { self.setForgotten(id, false) }

  private mutating func setForgotten(_ id: PeerID, _ value: Bool) {
    self.records[id]?.isForgotten = value
    if value { self.forgotten.insert(id) } else { self.forgotten.remove(id) }
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
    self.order.insert(id, at: self.place(behind: id))
    return .added(forgotten: forgotten)
  }

  /// For a peer at rest.
  mutating func remove(_ id: PeerID) {
    guard self.records.removeValue(forKey: id) != nil else { return }
    self.order.remove(at: self.place(behind: id) - 1)
    self.forgotten.remove(id)
    self.book.remove(id)
  }

  /// Forgets the peers that are at rest, are not in the address book and were unseen longest: a 64th of the table at
  /// a time, so that the cost of the search is spread over as many additions.
  private mutating func evict() -> [PeerID] {
    let count = max(1, self.maximum / 64)
    let victims = self.records.values
      .filter { $0.lifecycle.isAtRest && $0.book == nil }
      .sorted { ($0.lastSeenAt ?? $0.firstSeenAt) < ($1.lastSeenAt ?? $1.firstSeenAt) }
      .prefix(count)
      .map(\.id)
    for id in victims { self.remove(id) }
    return victims
  }
}
