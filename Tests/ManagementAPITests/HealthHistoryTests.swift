import Jansson
import Testing

@testable import ManagementAPI
@testable import P2PHost

@Suite struct HealthHistoryTests {
  private static let start: Int64 = 1_769_903_940_000
  private static let minute: Int64 = 60_000

  private static func sample(_ agreed: Int, _ status: HealthCheck.Status = .pass) -> HealthHistory.Sample {
    HealthHistory.Sample(
      status: status, pinned: PinnedCounts(total: 8, connected: agreed, agreed: agreed), connected: agreed)
  }

  @Test("of a minute the worst is kept, its counts from one moment") func worst() {
    var history = HealthHistory()
    history.add(Self.sample(8), at: Self.start + 5)
    history.add(Self.sample(5), at: Self.start + 10_000)
    history.add(Self.sample(7, .fail), at: Self.start + 59_999)
    #expect(history.minutes == [HealthHistory.Minute(start: Self.start, worst: Self.sample(5, .fail))])
    history.add(Self.sample(8), at: Self.start + Self.minute)
    #expect(history.minutes.map(\.worst.pinned.agreed) == [5, 8])
  }

  @Test("an hour is kept, and minutes that nobody looked at are missing") func bounded() {
    var history = HealthHistory()
    for minute in 0..<100 where minute != 90 {
      history.add(Self.sample(8), at: Self.start + Int64(minute) * Self.minute)
    }
    #expect(history.minutes.count == 59)
    #expect(history.minutes.first?.start == Self.start + 40 * Self.minute)
    #expect(history.minutes.last?.start == Self.start + 99 * Self.minute)
    history.add(Self.sample(8), at: Self.start + 1_000 * Self.minute)
    #expect(history.minutes.count == 1)
  }

  @Test("a clock that is set back begins anew from there") func clockSetBack() {
    var history = HealthHistory()
    for minute in 0..<5 { history.add(Self.sample(minute), at: Self.start + Int64(minute) * Self.minute) }
    history.add(Self.sample(8), at: Self.start + 2 * Self.minute + 1)
    #expect(history.minutes.map(\.worst.pinned.agreed) == [0, 1, 2])
  }

  @Test("the recorder writes down what the node tells") func recorder() async {
    let node = FakeNode()
    node.state.withLock {
      $0.node.pinned = PinnedCounts(total: 3, connected: 2, agreed: 1)
      $0.node.quorum = QuorumInfo(required: 3, isMet: false)
    }
    let recorder = HealthRecorder(node: node, monitor: HealthMonitor(node: node) { true })
    await recorder.look(at: Self.start)
    let worst = HealthHistory.Sample(
      status: .fail, pinned: PinnedCounts(total: 3, connected: 2, agreed: 1), connected: 3)
    #expect(recorder.minutes == [HealthHistory.Minute(start: Self.start, worst: worst)])
  }

  @Test("a node that has not been looked at has no minutes") func empty() async throws {
    let answer = try await ManagementAPI.fake(FakeNode()).call("GET", "/v1/health/history")
    #expect(try answer.json["minutes"] == .array([]))
  }
}
