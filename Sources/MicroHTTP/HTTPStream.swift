internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

/// The body of an answer that is sent while it is made. Any thread may push; nobody ever waits for the reader.
package final class HTTPStream: Sendable {
  package struct Limits: Sendable {
    /// Pushes not yet begun to be sent.
    package var items = 1_024
    package var bytes = 4 * 1_024 * 1_024

    package init() {}
  }

  private let limits: Limits
  private let state = Mutex(State())

  package init(limits: Limits = Limits()) {
    self.limits = limits
  }

  /// Appends to what is to be sent. False, and nothing happens, when the queue is full or the stream has ended.
  @discardableResult
  package func push(_ bytes: [UInt8]) -> Bool {
    self.state.withLock { state in
      guard !state.finished, !state.closed, state.queue.count < self.limits.items,
        state.queuedBytes + bytes.count <= self.limits.bytes
      else { return false }
      state.append(bytes)
      state.resume()
      return true
    }
  }

  /// Drops what has not begun to be sent, and sends `bytes` instead.
  package func replacePending(with bytes: [UInt8]) {
    self.state.withLock { state in
      guard !state.finished, !state.closed else { return }
      state.queue.removeAll()
      state.queuedBytes = 0
      state.append(bytes)
      state.resume()
    }
  }

  /// Ends the body after what is queued.
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
    /// The connection was suspended; a later push resumes it.
    case suspended
  }

  /// On the server's thread, from the content reader of `connection`.
  func read(into buffer: UnsafeMutableRawBufferPointer, connection: OpaquePointer) -> ReadResult {
    self.state.withLock { state in
      if state.closed { return .aborted }
      let count = state.take(into: buffer)
      if count > 0 { return .bytes(count) }
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
      state.queue.removeAll()
      state.resume()
    }
  }

  /// The answer is over.
  func close() {
    let callbacks = self.state.withLock { state in
      state.closed = true
      state.over = true
      state.queue.removeAll()
      defer { state.onClose = [] }
      return state.onClose
    }
    for callback in callbacks { callback() }
  }
}

private struct State {
  /// Oldest first; removal from the front is rare enough for an array of at most `Limits.items`.
  var queue: [[UInt8]] = []
  var queuedBytes = 0
  /// What is being sent, and how far it got.
  var current: [UInt8] = []
  var offset = 0
  var finished = false
  var closed = false
  var over = false
  var onClose: [@Sendable () -> Void] = []
  /// The connection that waits for a push. While it is suspended the library keeps it, so the pointer is good.
  /// nonisolated(unsafe): guarded by the mutex that this state lies in.
  nonisolated(unsafe) var suspended: OpaquePointer?

  mutating func append(_ bytes: [UInt8]) {
    self.queue.append(bytes)
    self.queuedBytes += bytes.count
  }

  mutating func resume() {
    guard let connection = self.suspended else { return }
    self.suspended = nil
    MHD_resume_connection(connection)
  }

  mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    var written = 0
    var consumed = 0
    while written < buffer.count {
      if self.offset == self.current.count {
        guard consumed < self.queue.count else { break }
        self.current = self.queue[consumed]
        self.offset = 0
        self.queuedBytes -= self.current.count
        consumed += 1
      }
      let count = min(buffer.count - written, self.current.count - self.offset)
      self.current.withUnsafeBytes { source in
        buffer[written..<(written + count)].copyBytes(from: source[self.offset..<(self.offset + count)])
      }
      self.offset += count
      written += count
    }
    self.queue.removeFirst(consumed)
    return written
  }
}
