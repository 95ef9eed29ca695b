import RandomInput
import Testing

@testable import P2PCore

@Suite("Queue of retries")
struct RetryQueueTests {
  @Test("the earliest comes first, equal moments in their order")
  func order() {
    var queue = RetryQueue<String>()
    #expect(queue.isEmpty && queue.next == nil)
    #expect(queue.popDue(now: .seconds(99), atMost: 9) == [])
    for (key, at) in [("c", 3), ("a", 1), ("b", 2), ("a2", 1), ("d", 4)] { queue.set(key, at: .seconds(at)) }
    #expect(queue.next == .seconds(1) && queue.count == 5)
    #expect(queue["b"] == .seconds(2) && queue["x"] == nil)
    #expect(queue.popDue(now: .milliseconds(999), atMost: 9) == [])
    #expect(queue.popDue(now: .seconds(3), atMost: 3) == ["a", "a2", "b"])
    #expect(queue.popDue(now: .seconds(3), atMost: 0) == [])
    #expect(queue.popDue(now: .seconds(3), atMost: 9) == ["c"])
    #expect(queue.next == .seconds(4) && queue["c"] == nil)
  }

  @Test("a moment can be changed and taken back")
  func change() {
    var queue = RetryQueue<Int>()
    for key in 0..<10 { queue.set(key, at: .seconds(key)) }
    queue.set(9, at: .zero - .seconds(1))
    queue.set(0, at: .seconds(100))
    queue.remove(1)
    queue.remove(1)
    queue.remove(77)
    #expect(queue.popDue(now: .seconds(1_000), atMost: .max) == [9, 2, 3, 4, 5, 6, 7, 8, 0])
    #expect(queue.isEmpty)
  }

  @Test("random changes give the same as a sorted list")
  func random() {
    var generator = SplitMix64(seed: testSeed)
    var queue = RetryQueue<Int>()
    var model: [Int: (at: Duration, number: Int)] = [:]
    for number in 0..<20_000 {
      let key = Int.random(in: 0..<60, using: &generator)
      let moment = Duration.seconds(Int.random(in: 0..<50, using: &generator))
      switch Int.random(in: 0..<6, using: &generator) {
      case 0, 1, 2:
        queue.set(key, at: moment)
        model[key] = (moment, number)
      case 3:
        queue.remove(key)
        model[key] = nil
      case 4:
        #expect(queue[key] == model[key]?.at, "seed \(testSeed)")
      default:
        let maximum = Int.random(in: 0..<4, using: &generator)
        let now = moment / 4
        let due = model.filter { $0.value.at <= now }.sorted {
          ($0.value.at, $0.value.number) < ($1.value.at, $1.value.number)
        }
        .prefix(maximum).map(\.key)
        #expect(queue.popDue(now: now, atMost: maximum) == due, "seed \(testSeed)")
        for key in due { model[key] = nil }
      }
      let next = model.values.map(\.at).min()
      guard queue.count == model.count, queue.next == next else {
        Issue.record("seed \(testSeed), change \(number): \(queue.count) keys, next \(String(describing: queue.next))")
        return
      }
    }
  }

  /// Most dials that begin within any one second, after the first minute and after ten. 511 peers wait 32 s at the
  /// mean after a minute and 150 s at last: 16 and 3.4 dials a second.
  private static let attemptsMaximum = (afterOneMinute: 45, afterTenMinutes: 20)

  @Test("511 peers that never answer are dialled evenly for an hour", arguments: 1...5)
  func herd(run: Int) {
    var generator = SplitMix64(seed: testSeed &+ UInt64(run))
    let policy = BackoffPolicy()
    var queue = RetryQueue<Int>()
    var backoffs = [Backoff](repeating: Backoff(), count: 511)
    // The worst start: all are lost at once, and each dial fails at once.
    for peer in 0..<511 {
      queue.set(peer, at: backoffs[peer].lost(connectedFor: .seconds(3_600), policy, using: &generator))
    }
    var attempts = [Int](repeating: 0, count: 3_600)
    var dialled = Set<Int>()
    while let now = queue.next, now < .seconds(3_600) {
      let second = Int(now.components.seconds)
      for peer in queue.popDue(now: now, atMost: 160) {
        attempts[second] += 1
        if second >= 3_000 { dialled.insert(peer) }
        queue.set(peer, at: now + backoffs[peer].failed(permanent: false, policy, using: &generator))
      }
    }
    #expect(queue.count == 511, "seed \(testSeed), run \(run)")
    #expect(dialled.count == 511, "each is tried within ten minutes; seed \(testSeed), run \(run)")
    let later = attempts[60...].max() ?? 0
    let last = attempts[600...].max() ?? 0
    #expect(later <= Self.attemptsMaximum.afterOneMinute, "seed \(testSeed), run \(run)")
    #expect(last <= Self.attemptsMaximum.afterTenMinutes, "seed \(testSeed), run \(run)")
    // Not idle either: no half minute without a dial.
    for start in stride(from: 600, to: 3_600, by: 30) {
      #expect(attempts[start..<(start + 30)].contains { $0 > 0 }, "seed \(testSeed), run \(run)")
    }
  }
}
