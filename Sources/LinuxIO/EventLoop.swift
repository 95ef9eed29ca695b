import CLinux
import Glibc
import Synchronization

/// Nanoseconds of CLOCK_MONOTONIC.
package typealias MonotonicNanoseconds = UInt64

package func monotonicNow() -> MonotonicNanoseconds { clinux_monotonic_ns() }

/// What lives on an event loop: owns descriptors and timers. All calls come on the loop's thread.
package protocol EventLoopParticipant: AnyObject {
  /// A descriptor that was registered for this participant is ready; `events` are EPOLL bits.
  func ready(descriptor: Int32, events: UInt32)
  /// Ends every turn, after descriptors and jobs: fires timers, writes what there is.
  /// Returns when it must be called again at the latest; `.max` for never, 0 for at once.
  func turn(now: MonotonicNanoseconds) -> MonotonicNanoseconds
}

/// What is left for the loop to do, without a task.
package protocol EventLoopWork: AnyObject, Sendable {
  func run()
}

/// One thread with epoll, timers and Swift jobs: a task executor.
///
/// A turn: wait, descriptors, jobs, then `turn` of every participant. A job that a job enqueues on the loop's own
/// thread runs without a system call.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
  /// Jobs that run before descriptors are looked at again.
  private static let jobsPerTurnMax = 4_096
  /// Jobs whose answers leave together. All those of a turn would make the two ends of a connection work in turns
  /// instead of at the same time; few would cost a system call each.
  private static let jobsPerFlush = 32
  private static let eventsPerTurnMax = 64

  private enum Job {
    case task(UnownedJob)
    case work(any EventLoopWork)
  }

  private struct Shared {
    var jobs: [Job] = []
    var closures: [@Sendable () -> Void] = []
    var woken = false
    var stopping = false
  }

  // Guard: `shared` by its mutex; everything below by being touched on the loop's thread only, or before start.
  private let shared = Mutex(Shared())
  private let epoll: Int32
  private let wakeup: Int32
  private let threadID = Atomic<UInt>(0)
  // The runtime's exclusivity check costs as much as a small read; one thread uses this, and never within its own use.
  @exclusivity(unchecked) private var localJobs: [Job] = []
  private var localClosures: [@Sendable () -> Void] = []
  private var participants: [any EventLoopParticipant] = []
  private var descriptors: [Int32: any EventLoopParticipant] = [:]
  private var thread = pthread_t()

  package init() throws(SystemError) {
    self.epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    if self.epoll < 0 { throw SystemError("epoll_create1", errno: errno) }
    self.wakeup = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    if self.wakeup < 0 {
      let error = errno
      close(self.epoll)
      throw SystemError("eventfd", errno: error)
    }
    var event = epoll_event()
    event.events = EPOLLIN.rawValue
    event.data.fd = self.wakeup
    epoll_ctl(self.epoll, EPOLL_CTL_ADD, self.wakeup, &event)
  }

  deinit {
    close(self.epoll)
    close(self.wakeup)
  }

  /// Starts the thread, which keeps the loop alive until `stop`.
  package func start() {
    clinux_keep_freed_memory()
    let box = Unmanaged.passRetained(self)
    let result = pthread_create(
      &self.thread, nil,
      { argument in
        let loop = Unmanaged<EventLoop>.fromOpaque(argument!).takeRetainedValue()
        clinux_name_thread("fednode-loop")
        loop.run()
        return nil
      }, box.toOpaque())
    precondition(result == 0, "pthread_create failed: \(result)")
  }

  /// Ends the thread after the jobs it has, once, and returns when the thread is gone. On the thread itself it returns at
  /// once: a task that waited for an actor may go on wherever the job before it had that actor.
  package func stop() {
    self.shared.withLock { $0.stopping = true }
    self.wake()
    if self.isCurrent {
      pthread_detach(pthread_self())
      return
    }
    let result = pthread_join(self.thread, nil)
    precondition(result == 0, "pthread_join failed: \(result)")
  }

  /// True on the loop's own thread.
  package var isCurrent: Bool { self.threadID.load(ordering: .relaxed) == UInt(pthread_self()) }

  // MARK: Executor

  package func enqueue(_ job: consuming ExecutorJob) { self.enqueue(.task(UnownedJob(job))) }

  /// Runs `work` among the tasks' jobs, in the order of the calls. Allocates nothing.
  package func enqueue(_ work: any EventLoopWork) { self.enqueue(.work(work)) }

  private func enqueue(_ job: Job) {
    if self.isCurrent {
      self.localJobs.append(job)
      return
    }
    let mustWake = self.shared.withLock { shared in
      shared.jobs.append(job)
      defer { shared.woken = true }
      return !shared.woken
    }
    if mustWake { self.wake() }
  }

  package func asUnownedTaskExecutor() -> UnownedTaskExecutor { UnownedTaskExecutor(ordinary: self) }

  // MARK: Work from outside

  /// Runs `body` on the loop soon, in the order of calls from one thread. From the loop itself: after the jobs of this
  /// turn, without a system call.
  package func execute(_ body: @escaping @Sendable () -> Void) {
    if self.isCurrent {
      self.localClosures.append(body)
      return
    }
    let mustWake = self.shared.withLock { shared in
      shared.closures.append(body)
      defer { shared.woken = true }
      return !shared.woken
    }
    if mustWake { self.wake() }
  }

  /// Runs `body` on the loop and returns its value.
  package func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    if self.isCurrent { return body() }
    return await withUnsafeContinuation { continuation in
      self.execute { continuation.resume(returning: body()) }
    }
  }

  // MARK: On the loop

  package func add(_ participant: any EventLoopParticipant) {
    self.participants.append(participant)
  }

  package func remove(_ participant: any EventLoopParticipant) {
    self.participants.removeAll { $0 === participant }
    for (descriptor, owner) in self.descriptors where owner === participant { self.unregister(descriptor) }
  }

  package func register(_ descriptor: Int32, events: UInt32, for participant: any EventLoopParticipant) {
    var event = epoll_event()
    event.events = events
    event.data.fd = descriptor
    let operation = self.descriptors[descriptor] == nil ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
    self.descriptors[descriptor] = participant
    epoll_ctl(self.epoll, operation, descriptor, &event)
  }

  package func unregister(_ descriptor: Int32) {
    guard self.descriptors.removeValue(forKey: descriptor) != nil else { return }
    epoll_ctl(self.epoll, EPOLL_CTL_DEL, descriptor, nil)
  }

  // MARK: The thread

  private func wake() {
    var one: UInt64 = 1
    // Fails only when the counter is full, and then the loop is awake anyway.
    _ = write(self.wakeup, &one, 8)
  }

  private func run() {
    self.threadID.store(UInt(pthread_self()), ordering: .relaxed)
    var deadline = MonotonicNanoseconds.max
    withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: EventLoop.eventsPerTurnMax) { events in
      while true {
        self.wait(until: deadline, events)
        let stopping = self.takeShared()
        self.runJobs()
        self.runClosures()
        deadline = self.endTurn()
        if stopping, self.localJobs.isEmpty, self.localClosures.isEmpty { break }
      }
    }
    self.threadID.store(0, ordering: .relaxed)
  }

  /// When the participants are to be called again at the latest.
  private func endTurn() -> MonotonicNanoseconds {
    let now = monotonicNow()
    var deadline = MonotonicNanoseconds.max
    for participant in self.participants { deadline = min(deadline, participant.turn(now: now)) }
    return deadline
  }

  private func wait(until deadline: MonotonicNanoseconds, _ events: UnsafeMutableBufferPointer<epoll_event>) {
    var timeout: Int64 = -1
    if !self.localJobs.isEmpty || !self.localClosures.isEmpty || deadline == 0 {
      timeout = 0
    } else if deadline != .max {
      let now = monotonicNow()
      timeout = deadline <= now ? 0 : Int64(clamping: deadline - now)
    }
    let count = clinux_epoll_wait(self.epoll, events.baseAddress, Int32(events.count), timeout)
    guard count > 0 else { return }
    for index in 0..<Int(count) {
      let descriptor = events[index].data.fd
      if descriptor == self.wakeup {
        var value: UInt64 = 0
        _ = read(self.wakeup, &value, 8)
      } else {
        self.descriptors[descriptor]?.ready(descriptor: descriptor, events: events[index].events)
      }
    }
  }

  /// Moves what other threads left here; true when the loop is to stop.
  private func takeShared() -> Bool {
    var closures: [@Sendable () -> Void] = []
    let stopping = self.shared.withLock { shared in
      if !shared.jobs.isEmpty {
        self.localJobs.append(contentsOf: shared.jobs)
        shared.jobs.removeAll(keepingCapacity: true)
      }
      swap(&closures, &shared.closures)
      shared.woken = false
      return shared.stopping
    }
    for closure in closures { closure() }
    return stopping
  }

  private func runJobs() {
    // Not as a serial executor: every call of an async function would then leave it, through the queue.
    let executor = self.asUnownedTaskExecutor()
    var index = 0
    while index < self.localJobs.count, index < EventLoop.jobsPerTurnMax {
      let job = self.localJobs[index]
      index += 1
      switch job {
      case .task(let task): task.runSynchronously(on: executor)
      case .work(let work): work.run()
      }
      if index % EventLoop.jobsPerFlush == 0 { _ = self.endTurn() }
    }
    if index == self.localJobs.count {
      self.localJobs.removeAll(keepingCapacity: true)
    } else {
      self.localJobs.removeFirst(index)
    }
  }

  /// Runs what the loop left for itself; what these closures leave waits for the next turn.
  private func runClosures() {
    guard !self.localClosures.isEmpty else { return }
    var closures: [@Sendable () -> Void] = []
    swap(&closures, &self.localClosures)
    for closure in closures { closure() }
  }
}
