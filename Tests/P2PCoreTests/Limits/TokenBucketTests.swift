import P2PCore
import Testing

@Suite("A token bucket")
struct TokenBucketTests {
  private static let second: Int64 = 1_000_000_000

  @Test("gives a second's worth at once, and then evenly", arguments: [1, 2, 3, 7, 100, 1_000])
  func rate(perSecond: Int) {
    var bucket = TokenBucket(perSecond: perSecond)
    func taken(at now: Int64) -> Int {
      var count = 0
      while count < 10_000, bucket.take(now: now) { count += 1 }
      return count
    }
    #expect(bucket.isUntouched(now: 0))
    #expect(taken(at: 0) == perSecond)
    #expect(!bucket.isUntouched(now: 0))
    // The cost of one is whole nanoseconds.
    #expect(taken(at: Self.second / Int64(perSecond) - Int64(perSecond) - 1) == 0)
    #expect(taken(at: Self.second / Int64(perSecond)) == 1)
    // However long nothing was taken.
    #expect(bucket.isUntouched(now: 100 * Self.second))
    #expect(taken(at: 100 * Self.second) == perSecond)
    // Over ten seconds no more than ten seconds' worth.
    let total = (1...1_000).reduce(0) { sum, step in
      sum + taken(at: 100 * Self.second + Int64(step) * Self.second / 100)
    }
    #expect(total <= perSecond * 10 + 1)
    #expect(total >= perSecond * 10 - 1)
  }

  @Test("takes a rate that is finer than its clock for the clock's")
  func extreme() {
    var bucket = TokenBucket(perSecond: .max)
    #expect((0..<1_000).allSatisfy { _ in bucket.take(now: 5) })
  }
}
