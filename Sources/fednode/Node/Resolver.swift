internal import CCares
internal import Glibc
internal import P2PCore
internal import Synchronization

/// Names to addresses and texts through DNS (c-ares), each look-up on a thread of its own: it blocks. Answers are kept
/// as long as their TTL says (RFC 1035 §3.2.1).
final class Resolver: Sendable {
  /// Look-ups at one time; more fail at once rather than pile up.
  static let lookupsMax = 32
  /// Answers of one name.
  static let answersMax = 100

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private let servers: String
  private let timeout: Duration
  private let running = Atomic<Int>(0)
  private let now: @Sendable () -> Duration
  private let cache = Mutex(ResolverCache())

  /// `servers`: empty for the system's. `timeout`: for one look-up, all servers and tries together. `now`: of a clock
  /// that only moves forward.
  init(
    servers: [String], timeout: Duration = .seconds(5), now: @escaping @Sendable () -> Duration = Resolver.monotonic
  ) {
    self.servers = servers.joined(separator: ",")
    self.timeout = timeout
    self.now = now
  }

  /// Whether c-ares takes `text` for a server: `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:5353`.
  static func isServer(_ text: String) -> Bool {
    !text.isEmpty && !text.contains(",") && ccares_check_servers(text) == 0
  }

  func addresses(of name: String, _ family: QUICTarget.NameFamily) async throws -> [[UInt8]] {
    let now = self.now()
    if let kept = self.cache.withLock({ $0.addresses(of: name, family, now: now) }) { return kept }
    let found = try await self.run(name) { () throws(Failure) in try self.askAddresses(name, family) }
    let addresses = found.map { $0.address }
    let ttl = found.map { $0.ttl }.min() ?? 0
    self.cache.withLock { $0.keep(addresses, of: name, family, ttl: ttl, now: now) }
    return addresses
  }

  func texts(of name: String) async throws -> [String] {
    try await self.run(name) { () throws(Failure) in try self.askTexts(name) }
  }

  // MARK: Blocking

  private func askAddresses(
    _ name: String, _ family: QUICTarget.NameFamily
  ) throws(Failure) -> [(address: [UInt8], ttl: Int)] {
    var found = [ccares_address](repeating: ccares_address(), count: Self.answersMax)
    let wanted: Int32 =
      switch family {
      case .any: 0
      case .ipv4: 4
      case .ipv6: 6
      }
    let count = ccares_addresses(
      name, wanted, self.servers, Int32(self.timeout / .milliseconds(1)), &found, Int32(found.count))
    guard count >= 0 else { throw Failure(description: "\(name): \(String(cString: ccares_words(count)))") }
    var unique: [(address: [UInt8], ttl: Int)] = []
    for one in found.prefix(Int(count)) {
      let bytes = withUnsafeBytes(of: one.bytes) { Array($0.prefix(Int(one.length))) }
      if !unique.contains(where: { $0.address == bytes }) { unique.append((bytes, Int(one.ttl))) }
    }
    guard !unique.isEmpty else { throw Failure(description: "\(name): no address") }
    return unique
  }

  private func askTexts(_ name: String) throws(Failure) -> [String] {
    // Too large for a stack.
    let found = UnsafeMutableBufferPointer<ccares_text>.allocate(capacity: Self.answersMax)
    defer { found.deallocate() }
    found.initialize(repeating: ccares_text())
    let count = ccares_texts(
      name, self.servers, Int32(self.timeout / .milliseconds(1)), found.baseAddress, Int32(found.count))
    guard count >= 0 else { throw Failure(description: "\(name): \(String(cString: ccares_words(count)))") }
    return found.prefix(Int(count)).map { text in
      withUnsafeBytes(of: text.bytes) { String(decoding: $0.prefix(Int(text.length)), as: UTF8.self) }
    }
  }

  static func monotonic() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }

  // MARK: Threads

  /// Runs `body` on a new thread. A caller that is cancelled does not wait for it.
  private func run<Value: Sendable>(
    _ name: String, _ body: @escaping @Sendable () throws(Failure) -> Value
  ) async throws -> Value {
    guard self.running.add(1, ordering: .relaxed).newValue <= Self.lookupsMax else {
      self.running.subtract(1, ordering: .relaxed)
      throw Failure(description: "\(Self.lookupsMax) names are being looked up already; try again")
    }
    let lookup = Lookup<Value>()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        lookup.begin(continuation)
        let work = Work {
          let result: Result<Value, any Error>
          do throws(Failure) { result = .success(try body()) } catch { result = .failure(error) }
          self.running.subtract(1, ordering: .relaxed)
          lookup.end(result)
        }
        work.start()
      }
    } onCancel: {
      lookup.end(.failure(Failure(description: "the look-up of \(name) was given up")))
    }
  }

  /// Resumes its caller once, whoever is first.
  private final class Lookup<Value: Sendable>: Sendable {
    private enum State {
      case idle
      case waiting(CheckedContinuation<Value, any Error>)
      case ended(Result<Value, any Error>?)
    }
    private let state = Mutex(State.idle)

    func begin(_ continuation: CheckedContinuation<Value, any Error>) {
      let early: Result<Value, any Error>? = self.state.withLock { state in
        if case .ended(let result) = state { return result }
        state = .waiting(continuation)
        return nil
      }
      if let early { continuation.resume(with: early) }
    }

    func end(_ result: Result<Value, any Error>) {
      let waiting: CheckedContinuation<Value, any Error>? = self.state.withLock { state in
        switch state {
        case .idle:
          state = .ended(result)
          return nil
        case .waiting(let continuation):
          state = .ended(nil)
          return continuation
        case .ended: return nil
        }
      }
      waiting?.resume(with: result)
    }
  }

  private final class Work: Sendable {
    private let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func start() {
      var thread = pthread_t()
      let box = Unmanaged.passRetained(self)
      let result = pthread_create(
        &thread, nil,
        { argument in
          Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
          return nil
        }, box.toOpaque())
      if result == 0 {
        pthread_detach(thread)
      } else {
        // Without a thread it is done here: slow beats not at all.
        box.takeRetainedValue().body()
      }
    }
  }
}
