import RandomInput
import Testing

@testable import P2PCore

@Suite("A ring of the last elements")
struct RingTests {
  @Test("it keeps the last ones and numbers them")
  func overwrite() {
    var ring = Ring<String>(capacity: 3)
    #expect(ring.isEmpty && ring.oldestNumber == 0 && ring[0] == nil)
    #expect(ring.newestFirst().map(\.element) == [])
    for (number, letter) in ["a", "b", "c", "d", "e"].enumerated() { #expect(ring.append(letter) == UInt64(number)) }
    #expect(ring.count == 3 && ring.nextNumber == 5 && ring.oldestNumber == 2)
    #expect(ring.newestFirst().map(\.element) == ["e", "d", "c"])
    #expect(ring.newestFirst().map(\.number) == [4, 3, 2])
    #expect(ring[1] == nil && ring[2] == "c" && ring[4] == "e" && ring[5] == nil)
  }

  @Test("a cursor goes on where it was while others are added, and ends where the oldest is gone")
  func pages() {
    var ring = Ring<Int>(capacity: 10)
    for number in 0..<10 { ring.append(number) }
    let first = Array(ring.newestFirst().prefix(4))
    #expect(first.map(\.element) == [9, 8, 7, 6])
    for number in 10..<13 { ring.append(number) }
    let second = Array(ring.newestFirst(before: first.last?.number).prefix(4))
    #expect(second.map(\.element) == [5, 4, 3])
    #expect(ring.newestFirst(before: 3).map(\.element) == [])
    #expect(ring.newestFirst(before: 0).map(\.element) == [])
    #expect(ring.newestFirst(before: .max).map(\.element) == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3])
  }

  @Test("it tells the same as a list that is cut", arguments: [1, 2, 7, 100])
  func random(capacity: Int) {
    var generator = SplitMix64(seed: testSeed)
    var ring = Ring<UInt64>(capacity: capacity)
    var list: [UInt64] = []
    for _ in 0..<300 {
      let value = generator.next()
      ring.append(value)
      list.append(value)
      let before = UInt64.random(in: 0...UInt64(list.count + 1), using: &generator)
      let kept = list.indices.suffix(capacity).filter { $0 < before }
      #expect(ring.newestFirst(before: before).map(\.number) == kept.reversed().map { UInt64($0) }, "seed \(testSeed)")
      #expect(ring.newestFirst(before: before).map(\.element) == kept.reversed().map { list[$0] }, "seed \(testSeed)")
    }
    #expect(ring.count == min(capacity, 300))
  }
}
