import RandomInput
import Testing

@testable import P2PCore

@Suite("Backoff of a peer")
struct BackoffTests {
  /// Always the smallest or the largest draw.
  private struct Extreme: RandomNumberGenerator {
    let value: UInt64
    mutating func next() -> UInt64 { self.value }
  }

  @Test("the ceiling doubles with each failure up to the maximum")
  func ceiling() {
    let policy = BackoffPolicy()
    let expected: [Int] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    #expect((0...10).map { policy.ceiling(failures: $0) } == expected.map { .seconds($0) })
    #expect(policy.ceiling(failures: .max) == .seconds(300))
    #expect(BackoffPolicy(initial: .zero, maximum: .seconds(9)).ceiling(failures: .max) == .zero)
    #expect(BackoffPolicy(initial: .seconds(9), maximum: .seconds(5)).ceiling(failures: 0) == .seconds(5))
  }

  @Test("a wait lies between the floor and the ceiling, and all of it is used")
  func jitter() {
    var generator = SplitMix64(seed: testSeed)
    let policy = BackoffPolicy()
    for failures in 0..<12 {
      let ceiling = policy.ceiling(failures: failures)
      var shortest = ceiling
      var longest: Duration = .zero
      for _ in 0..<500 {
        var backoff = Backoff()
        for _ in 0..<failures { _ = backoff.failed(permanent: false, policy, using: &generator) }
        let wait = backoff.failed(permanent: false, policy, using: &generator)
        #expect(backoff.failures == failures + 1)
        shortest = min(shortest, wait)
        longest = max(longest, wait)
      }
      #expect(shortest >= Backoff.waitMinimum && longest <= ceiling, "seed \(testSeed)")
      #expect(shortest < ceiling / 4 && longest > ceiling * 9 / 10, "seed \(testSeed)")
    }
  }

  @Test("permanent errors wait at the slow end")
  func permanent() {
    var generator = SplitMix64(seed: testSeed)
    let policy = BackoffPolicy()
    for _ in 0..<500 {
      var backoff = Backoff()
      let wait = backoff.failed(permanent: true, policy, using: &generator)
      #expect(wait >= .seconds(150) && wait <= .seconds(300), "seed \(testSeed)")
      #expect(backoff.failures == 1)
    }
  }

  @Test("a connection that lasted begins anew, one that did not counts as a failure")
  func lost() {
    var generator = SplitMix64(seed: testSeed)
    let policy = BackoffPolicy()
    for _ in 0..<200 {
      var backoff = Backoff()
      for _ in 0..<5 { _ = backoff.failed(permanent: false, policy, using: &generator) }
      let short = backoff.lost(connectedFor: .milliseconds(59_999), policy, using: &generator)
      #expect(backoff.failures == 6 && short <= .seconds(32), "seed \(testSeed)")
      let long = backoff.lost(connectedFor: .seconds(60), policy, using: &generator)
      #expect(backoff.failures == 0 && long <= .seconds(1), "seed \(testSeed)")
      _ = backoff.failed(permanent: false, policy, using: &generator)
      backoff.reset()
      #expect(backoff == Backoff())
    }
  }

  @Test("no policy and no chance makes a loop without a pause", arguments: [0, UInt64.max])
  func extremes(draw: UInt64) {
    var generator = Extreme(value: draw)
    for policy in [
      BackoffPolicy(initial: .zero, maximum: .zero), BackoffPolicy(initial: .seconds(-1), maximum: .seconds(-1)),
      BackoffPolicy(initial: .milliseconds(1), maximum: .milliseconds(1)), BackoffPolicy(),
      BackoffPolicy(initial: .seconds(1), maximum: .seconds(Int64.max / 1_000)),
    ] {
      var backoff = Backoff()
      for _ in 0..<100 {
        for permanent in [false, true] {
          let wait = backoff.failed(permanent: permanent, policy, using: &generator)
          #expect(wait >= Backoff.waitMinimum && wait <= max(Backoff.waitMinimum, policy.maximum))
        }
      }
      #expect(backoff.failures == 200)
    }
  }
}
