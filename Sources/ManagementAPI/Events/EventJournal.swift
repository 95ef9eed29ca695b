internal import P2PCore

/// The last events of the node as they are sent, by their numbers.
struct EventJournal: Sendable {
  struct Entry: Sendable {
    var type: String
    var peerID: PeerID?
    var frame: [UInt8]
  }

  /// Events at most; with a further one the oldest goes.
  static let countMax = 16_384
  /// Of their frames together, likewise. A thousand for each event, which is more than most have.
  static let bytesMax = 16 << 20

  /// The event `n` is at `n % countMax`.
  private var slots = [Entry?](repeating: nil, count: countMax)
  private var bytes = 0
  /// Number of the oldest event; `next` when there is none.
  private(set) var oldest: UInt64
  /// Number of the event to come.
  private(set) var next: UInt64

  init(next: UInt64) {
    self.oldest = next
    self.next = next
  }

  /// Where `number` is not `next`, events between were lost, and those before are forgotten: nobody can go on from them.
  mutating func append(_ entry: Entry, _ number: UInt64) {
    if number != self.next {
      while self.oldest < self.next { self.dropOldest() }
      self.oldest = number
    }
    while self.oldest < number,
      number - self.oldest >= UInt64(Self.countMax) || self.bytes + entry.frame.count > Self.bytesMax
    { self.dropOldest() }
    self.slots[Self.slot(number)] = entry
    self.bytes += entry.frame.count
    self.next = number + 1
  }

  /// Nil for one that is gone or not there yet.
  subscript(number: UInt64) -> Entry? {
    number >= self.oldest && number < self.next ? self.slots[Self.slot(number)] : nil
  }

  private mutating func dropOldest() {
    let slot = Self.slot(self.oldest)
    self.bytes -= self.slots[slot]?.frame.count ?? 0
    self.slots[slot] = nil
    self.oldest += 1
  }

  private static func slot(_ number: UInt64) -> Int { Int(number % UInt64(Self.countMax)) }
}
