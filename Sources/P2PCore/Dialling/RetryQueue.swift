/// What is due when: one moment for each key, the earliest first; equal moments in the order in which they were set.
/// Moments are by whatever clock the caller uses. A binary heap with the place of each key. As large as the caller
/// has keys: one for each pinned peer or each entry of a table that is bounded itself.
package struct RetryQueue<Key: Hashable & Sendable>: Sendable {
  private struct Entry: Sendable {
    let key: Key
    let at: Duration
    let number: UInt64

    func isBefore(_ other: Entry) -> Bool { (self.at, self.number) < (other.at, other.number) }
  }

  private var heap: [Entry] = []
  private var places: [Key: Int] = [:]
  private var number: UInt64 = 0

  package init() {}

  package var count: Int { self.heap.count }
  package var isEmpty: Bool { self.heap.isEmpty }

  /// The earliest moment of all.
  package var next: Duration? { self.heap.first?.at }

  /// The moment of one key.
  package subscript(key: Key) -> Duration? { self.places[key].map { self.heap[$0].at } }

  /// Sets the moment of `key`, in place of another.
  package mutating func set(_ key: Key, at moment: Duration) {
    self.number += 1
    let entry = Entry(key: key, at: moment, number: self.number)
    guard let place = self.places[key] else {
      self.heap.append(entry)
      self.places[key] = self.heap.count - 1
      self.siftUp(self.heap.count - 1)
      return
    }
    self.heap[place] = entry
    self.settle(place)
  }

  package mutating func remove(_ key: Key) {
    guard let place = self.places.removeValue(forKey: key) else { return }
    let last = self.heap.removeLast()
    guard place < self.heap.count else { return }
    self.heap[place] = last
    self.places[last.key] = place
    self.settle(place)
  }

  /// Takes out up to `maximum` keys whose moment has come, the earliest first.
  package mutating func popDue(now: Duration, atMost maximum: Int) -> [Key] {
    var due: [Key] = []
    while due.count < maximum, let first = self.heap.first, first.at <= now {
      due.append(first.key)
      self.remove(first.key)
    }
    return due
  }

  private mutating func settle(_ place: Int) {
    self.siftUp(place)
    self.siftDown(place)
  }

  private mutating func siftUp(_ start: Int) {
    var place = start
    while place > 0, self.heap[place].isBefore(self.heap[(place - 1) / 2]) {
      self.swap(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  private mutating func siftDown(_ start: Int) {
    var place = start
    while true {
      var least = place
      for child in [2 * place + 1, 2 * place + 2]
      where child < self.heap.count && self.heap[child].isBefore(self.heap[least]) {
        least = child
      }
      if least == place { return }
      self.swap(place, least)
      place = least
    }
  }

  private mutating func swap(_ first: Int, _ second: Int) {
    self.heap.swapAt(first, second)
    self.places[self.heap[first].key] = first
    self.places[self.heap[second].key] = second
  }
}
