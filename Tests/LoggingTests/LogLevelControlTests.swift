import Synchronization
import Testing

@testable import Logging

@Suite struct LogLevelControlTests {
  /// Time that passes when a test says so, and what the log was set to.
  private final class Scene: Sendable {
    private struct State {
      var now: Duration = .zero
      var sleepers: [(due: Duration, wake: CheckedContinuation<Void, any Error>)] = []
      var applied: [LogLevelControl.Levels] = []
    }
    private let state = Mutex(State())

    var applied: [LogLevelControl.Levels] { self.state.withLock { $0.applied } }
    var now: Duration { self.state.withLock { $0.now } }
    var sleepers: Int { self.state.withLock { $0.sleepers.count } }

    func apply(_ levels: LogLevelControl.Levels) { self.state.withLock { $0.applied.append(levels) } }

    func sleep(_ time: Duration) async throws {
      try await withCheckedThrowingContinuation { wake in
        self.state.withLock { $0.sleepers.append(($0.now + time, wake)) }
      }
    }

    func pass(_ time: Duration) {
      let due = self.state.withLock { state in
        state.now += time
        defer { state.sleepers.removeAll { $0.due <= state.now } }
        return state.sleepers.filter { $0.due <= state.now }
      }
      for sleeper in due { sleeper.wake.resume() }
    }
  }

  private let scene = Scene()
  private let control: LogLevelControl

  init() {
    let scene = self.scene
    self.control = LogLevelControl(
      .init(.info), now: { scene.now }, sleep: { try await scene.sleep($0) }, apply: { scene.apply($0) })
  }

  private func sleepers(_ count: Int) async { while self.scene.sleepers < count { await Task.yield() } }
  private func applied(_ count: Int) async { while self.scene.applied.count < count { await Task.yield() } }

  @Test("What is set for a time returns by itself to what was set for good", .timeLimit(.minutes(1)))
  func reverts() async {
    self.control.set(.init(.warning))
    self.control.set(.init(.debug, overrides: ["host": .trace]), revertAfter: .seconds(60))
    await self.sleepers(1)
    self.scene.pass(.seconds(59))
    #expect(self.control.current.levels == .init(.debug, overrides: ["host": .trace]))
    #expect(self.control.current.revertsAfter == .seconds(1))
    self.scene.pass(.seconds(1))
    await self.applied(3)
    #expect(self.scene.applied.last == .init(.warning))
    #expect(self.control.current.levels == .init(.warning))
    #expect(self.control.current.revertsAfter == nil)
  }

  @Test("Only the last of two times counts, and both end in what was set for good", .timeLimit(.minutes(1)))
  func twice() async {
    self.control.set(.init(.debug), revertAfter: .seconds(10))
    await self.sleepers(1)
    self.control.set(.init(.trace), revertAfter: .seconds(60))
    await self.sleepers(2)
    self.scene.pass(.seconds(10))
    for _ in 0..<100 { await Task.yield() }
    #expect(self.control.current.levels == .init(.trace))
    self.scene.pass(.seconds(50))
    await self.applied(3)
    #expect(self.scene.applied == [.init(.debug), .init(.trace), .init(.info)])
  }

  @Test("What is set for good meanwhile stays", .timeLimit(.minutes(1)))
  func overruled() async {
    self.control.set(.init(.debug), revertAfter: .seconds(10))
    await self.sleepers(1)
    self.control.set(.init(.error))
    self.scene.pass(.seconds(10))
    for _ in 0..<100 { await Task.yield() }
    #expect(self.scene.applied == [.init(.debug), .init(.error)])
    #expect(self.control.current.revertsAfter == nil)
  }
}
