internal import CMicroHTTPD
internal import Synchronization

/// What the body of an answer is made of, piece by piece.
package protocol HTTPStreamSource: Sendable {
  /// Writes what there is, as far as it fits. On the server's thread, one call at a time; it must return at once.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> HTTPStream.Supply
}

/// The body of an answer that is made while it is sent: its source is asked for more as fast as the client takes it, so
/// that nothing piles up for a slow one.
package final class HTTPStream: Sendable {
  /// What a source answers.
  package enum Supply: Sendable, Equatable {
    /// So many, at least one.
    case bytes(Int)
    /// Nothing now; `wake` says when there may be more.
    case nothing
    case end
  }

  let source: any HTTPStreamSource
  private let state = Mutex(State())

  private struct State {
    var finished = false
    var closed = false
    var over = false
    var onClose: [@Sendable () -> Void] = []
    /// The connection that waits for `wake`. While it is suspended the library keeps it, so the pointer is good.
    /// nonisolated(unsafe): guarded by the mutex that this state lies in.
    nonisolated(unsafe) var suspended: OpaquePointer?

    mutating func resume() {
      guard let connection = self.suspended else { return }
      self.suspended = nil
      MHD_resume_connection(connection)
    }
  }

  /// At a time: the library's buffer is as large as a connection's memory, and what of it was written once stays
  /// resident for as long as the connection.
  private static let readMax = 8 * 1024

  package init(_ source: any HTTPStreamSource) { self.source = source }

  /// The source has more than when it last answered `nothing`. From any thread; never under a lock that the source
  /// takes.
  package func wake() { self.state.withLock { $0.resume() } }

  /// Ends the body where the source next has nothing.
  package func finish() {
    self.state.withLock { state in
      state.finished = true
      state.resume()
    }
  }

  /// True once nothing more can reach the reader.
  package var isClosed: Bool { self.state.withLock { $0.closed } }

  /// Calls `body` once, when the answer is over for whatever reason, or now if it is. On any thread, outside locks.
  package func onClose(_ body: @escaping @Sendable () -> Void) {
    let over = self.state.withLock { state in
      if !state.over { state.onClose.append(body) }
      return state.over
    }
    if over { body() }
  }

  // MARK: For the server

  enum ReadResult {
    case bytes(Int)
    case end
    case aborted
    /// The connection was suspended; `wake` resumes it.
    case suspended
  }

  /// On the server's thread, from the content reader of `connection`.
  func read(into buffer: UnsafeMutableRawBufferPointer, connection: OpaquePointer) -> ReadResult {
    // The source is asked under the lock, so that no wake is lost between its `nothing` and the suspension.
    self.state.withLock { state in
      if state.closed { return .aborted }
      switch self.source.read(into: .init(rebasing: buffer.prefix(Self.readMax))) {
      case .bytes(let count): return .bytes(count)
      case .end: return .end
      case .nothing: break
      }
      if state.finished { return .end }
      MHD_suspend_connection(connection)
      state.suspended = connection
      return .suspended
    }
  }

  /// The client is gone or the server stops now: nothing more is sent.
  func abort() {
    self.state.withLock { state in
      state.closed = true
      state.resume()
    }
  }

  /// The answer is over.
  func close() {
    let callbacks = self.state.withLock { state in
      state.closed = true
      state.over = true
      defer { state.onClose = [] }
      return state.onClose
    }
    for callback in callbacks { callback() }
  }
}
