internal import P2PCore

/// The addresses that peers say they see this node at, each with how many peers say so.
struct ObservedAddresses: Sendable {
  /// Further addresses replace the one with the fewest observers.
  static let addressesMax = 64
  /// More are not counted.
  static let observersMax = 256
  /// Addresses that one peer may vouch for; a further one replaces its oldest.
  static let addressesPerObserverMax = 4

  private struct Entry {
    let address: Multiaddr
    var observers: Set<PeerID>
  }

  /// Oldest first.
  private var entries: [Entry] = []

  /// Most observers first.
  var counts: [(address: Multiaddr, observers: Int)] {
    self.entries.map { ($0.address, $0.observers.count) }.sorted { $0.1 > $1.1 }
  }

  /// The number of observers of `address` when it is new, otherwise nil.
  mutating func note(_ address: Multiaddr, by observer: PeerID) -> Int? {
    if let index = self.entries.firstIndex(where: { $0.address == address }) {
      if self.entries[index].observers.contains(observer) { return nil }
      self.release(observer)
      // Releasing may have removed an entry.
      if let index = self.entries.firstIndex(where: { $0.address == address }),
        self.entries[index].observers.count < Self.observersMax
      {
        self.entries[index].observers.insert(observer)
      }
      return nil
    }
    self.release(observer)
    if self.entries.count >= Self.addressesMax,
      let weakest = self.entries.indices.min(by: {
        self.entries[$0].observers.count < self.entries[$1].observers.count
      })
    {
      self.entries.remove(at: weakest)
    }
    self.entries.append(Entry(address: address, observers: [observer]))
    return 1
  }

  /// Makes room for one more address of `observer`.
  private mutating func release(_ observer: PeerID) {
    let held = self.entries.indices.filter { self.entries[$0].observers.contains(observer) }
    guard held.count >= Self.addressesPerObserverMax else { return }
    self.entries[held[0]].observers.remove(observer)
    if self.entries[held[0]].observers.isEmpty { self.entries.remove(at: held[0]) }
  }
}
