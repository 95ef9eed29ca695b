import Synchronization
import Testing

@testable import LinuxIO

@Suite struct EventLoopTests {
  @Test("a task that prefers the loop runs on its thread and comes back after a suspension")
  func taskExecutor() async throws {
    let loop = try EventLoop()
    loop.start()
    let places = await Task(executorPreference: loop) {
      let before = loop.isCurrent
      await Task.yield()
      return [before, loop.isCurrent]
    }.value
    #expect(places == [true, true])
    loop.stop()
  }

  private final class Step: EventLoopWork {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    func run() { self.body() }
  }

  @Test("work from outside and from the loop itself runs there, in the order of the calls, among tasks")
  func work() async throws {
    let loop = try EventLoop()
    loop.start()
    let seen = Mutex<[String]>([])
    await withCheckedContinuation { continuation in
      loop.enqueue(
        Step {
          loop.enqueue(Step { seen.withLock { $0.append("second \(loop.isCurrent)") } })
          Task(executorPreference: loop) { seen.withLock { $0.append("third \(loop.isCurrent)") } }
          // Behind the task, which runs without a turn between.
          loop.enqueue(
            Step {
              seen.withLock { $0.append("fourth") }
              continuation.resume()
            })
          seen.withLock { $0.append("first \(loop.isCurrent)") }
        })
    }
    #expect(seen.withLock { $0 } == ["first true", "second true", "third true", "fourth"])
    loop.stop()
  }

  @Test("a loop that is stopped on its own thread ends as well")
  func stopFromLoop() async throws {
    weak var left: EventLoop?
    try await {
      let loop = try EventLoop()
      left = loop
      loop.start()
      await loop.run { loop.stop() }
    }()
    // Its thread was the last to hold it.
    for _ in 0..<1_000 where left != nil { try await Task.sleep(for: .milliseconds(5)) }
    #expect(left == nil)
  }

  @Test("closures from outside run on the loop in order")
  func closures() async throws {
    let loop = try EventLoop()
    loop.start()
    let seen = Mutex<[Int]>([])
    for i in 0..<1_000 { loop.execute { seen.withLock { $0.append(i) } } }
    #expect(await loop.run { loop.isCurrent })
    #expect(seen.withLock { $0 } == Array(0..<1_000))
    loop.stop()
  }

  @Test("a closure from the loop itself runs after the one that asked for it")
  func closuresFromLoop() async throws {
    let loop = try EventLoop()
    loop.start()
    let seen = Mutex<[String]>([])
    await withCheckedContinuation { continuation in
      loop.execute {
        loop.execute {
          seen.withLock { $0.append("inner") }
          loop.execute { continuation.resume() }
        }
        seen.withLock { $0.append("outer") }
      }
    }
    #expect(seen.withLock { $0 } == ["outer", "inner"])
    loop.stop()
  }

  final class Ticker: EventLoopParticipant, @unchecked Sendable {
    // Guard: the loop's thread, and the test only after `stop`.
    var fired: [MonotonicNanoseconds] = []
    var next = monotonicNow() + 300_000
    func ready(descriptor: Int32, events: UInt32) {}
    func turn(now: MonotonicNanoseconds) -> MonotonicNanoseconds {
      if now >= self.next {
        self.fired.append(now)
        self.next = self.fired.count == 20 ? .max : now + 300_000
      }
      return self.next
    }
  }

  @Test("timers below a millisecond fire, each not before its time")
  func timers() async throws {
    let loop = try EventLoop()
    let ticker = Ticker()
    loop.add(ticker)
    loop.start()
    while await loop.run({ ticker.fired.count < 20 }) { await Task.yield() }
    loop.stop()
    for (a, b) in zip(ticker.fired, ticker.fired.dropFirst()) { #expect(b - a >= 300_000) }
  }
}
