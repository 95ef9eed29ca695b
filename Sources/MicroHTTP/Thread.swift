internal import Glibc

/// A detached thread of the system.
enum Thread {
  private final class Body {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
  }

  /// Zero, or the system's error code.
  static func start(_ run: @escaping @Sendable () -> Void) -> Int32 {
    let body = Unmanaged.passRetained(Body(run)).toOpaque()
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, body)
    if code == 0 { pthread_detach(thread) } else { Unmanaged<Body>.fromOpaque(body).release() }
    return code
  }
}
