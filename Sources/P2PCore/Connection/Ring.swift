/// The last `capacity` elements; a further one takes the place of the oldest. Each has a number that grows by one and
/// is never given again, so that a reader can page backwards while others are added.
package struct Ring<Element: Sendable>: Sendable {
  package let capacity: Int
  /// The element number `n` is at `n % capacity`. Grows up to `capacity`.
  private var storage: [Element] = []
  /// Number of the next element.
  package private(set) var nextNumber: UInt64 = 0

  package init(capacity: Int) {
    precondition(capacity > 0, "a ring holds at least one element")
    self.capacity = capacity
  }

  package var count: Int { self.storage.count }
  package var isEmpty: Bool { self.storage.isEmpty }

  /// Number of the oldest element; `nextNumber` when there is none.
  package var oldestNumber: UInt64 { self.nextNumber - UInt64(self.storage.count) }

  /// Answers with the element's number.
  @discardableResult
  package mutating func append(_ element: Element) -> UInt64 {
    if self.storage.count < self.capacity {
      self.storage.append(element)
    } else {
      self.storage[Int(self.nextNumber % UInt64(self.capacity))] = element
    }
    defer { self.nextNumber += 1 }
    return self.nextNumber
  }

  /// Nil for one that is gone or not there yet.
  package subscript(number: UInt64) -> Element? {
    guard number >= self.oldestNumber, number < self.nextNumber else { return nil }
    return self.storage[Int(number % UInt64(self.capacity))]
  }

  /// The elements with numbers below `before`, the newest first. A page's last number is the next page's `before`.
  package func newestFirst(before: UInt64? = nil) -> NewestFirst {
    NewestFirst(ring: self, bound: min(before ?? self.nextNumber, self.nextNumber))
  }

  package struct NewestFirst: Sequence, IteratorProtocol {
    fileprivate let ring: Ring
    /// One more than the number of the next element.
    fileprivate var bound: UInt64

    package mutating func next() -> (number: UInt64, element: Element)? {
      guard self.bound > 0, let element = self.ring[self.bound - 1] else { return nil }
      self.bound -= 1
      return (self.bound, element)
    }
  }
}
