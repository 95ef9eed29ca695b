internal import Glibc
internal import P2PCore
internal import Synchronization

/// Names to addresses through the system's resolver (`getaddrinfo`), each on a thread of its own: it blocks.
enum SystemResolver {
  /// Look-ups at one time; more fail at once rather than pile up.
  static let lookupsMax = 32
  static let timeout: Duration = .seconds(5)

  private static let running = Atomic<Int>(0)

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static func resolve(_ name: String, _ family: QUICTarget.NameFamily) async throws -> [[UInt8]] {
    guard Self.running.add(1, ordering: .relaxed).newValue <= Self.lookupsMax else {
      Self.running.subtract(1, ordering: .relaxed)
      throw Failure(description: "\(Self.lookupsMax) names are being resolved already; try again")
    }
    let lookup = Lookup()
    return try await withThrowingTaskGroup(of: [[UInt8]].self) { group in
      group.addTask {
        try await withTaskCancellationHandler {
          try await withCheckedThrowingContinuation { continuation in
            lookup.begin(continuation)
            Self.start { lookup.end(Self.ask(name, family)) }
          }
        } onCancel: {
          lookup.end(.failure(Failure(description: "the look-up of \(name) was given up")))
        }
      }
      group.addTask {
        try await Task.sleep(for: Self.timeout)
        throw Failure(description: "no answer for \(name) within \(Self.timeout)")
      }
      defer { group.cancelAll() }
      return try await group.next() ?? []
    }
  }

  /// Resumes its caller once, whoever is first.
  private final class Lookup: Sendable {
    private enum State {
      case idle
      case waiting(CheckedContinuation<[[UInt8]], any Error>)
      case ended(Result<[[UInt8]], Failure>?)
    }
    private let state = Mutex(State.idle)

    func begin(_ continuation: CheckedContinuation<[[UInt8]], any Error>) {
      let early: Result<[[UInt8]], Failure>? = self.state.withLock { state in
        if case .ended(let result) = state { return result }
        state = .waiting(continuation)
        return nil
      }
      if let early { continuation.resume(with: early) }
    }

    func end(_ result: Result<[[UInt8]], Failure>) {
      let waiting: CheckedContinuation<[[UInt8]], any Error>? = self.state.withLock { state in
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

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  private static func start(_ run: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let body = Unmanaged.passRetained(
      Body {
        run()
        Self.running.subtract(1, ordering: .relaxed)
      })
    let result = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, body.toOpaque())
    if result == 0 {
      pthread_detach(thread)
    } else {
      // Without a thread it is done here: slow beats not at all.
      body.takeRetainedValue().run()
    }
  }

  private static func ask(_ name: String, _ family: QUICTarget.NameFamily) -> Result<[[UInt8]], Failure> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    switch family {
    case .any: hints.ai_family = AF_UNSPEC
    case .ipv4: hints.ai_family = AF_INET
    case .ipv6: hints.ai_family = AF_INET6
    }
    var first: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(name, nil, &hints, &first)
    guard code == 0 else {
      return .failure(Failure(description: "\(name): \(String(cString: gai_strerror(code)))"))
    }
    defer { freeaddrinfo(first) }
    var found: [[UInt8]] = []
    var next = first
    while let entry = next {
      next = entry.pointee.ai_next
      guard let address = entry.pointee.ai_addr else { continue }
      let bytes: [UInt8]
      switch entry.pointee.ai_family {
      case AF_INET:
        bytes = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self).bytes
      case AF_INET6:
        bytes = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self).bytes
      default: continue
      }
      if !found.contains(bytes) { found.append(bytes) }
    }
    return found.isEmpty ? .failure(Failure(description: "\(name): no address")) : .success(found)
  }
}

extension sockaddr_in {
  fileprivate var bytes: [UInt8] { withUnsafeBytes(of: self.sin_addr) { Array($0) } }
}

extension sockaddr_in6 {
  fileprivate var bytes: [UInt8] { withUnsafeBytes(of: self.sin6_addr) { Array($0) } }
}
