import CNgtcp2
import LinuxIO
package import P2PCore

/// One bidirectional stream of a QUIC connection.
///
/// The state belongs to the connection's thread: the event loop's, or in simulations the test's. The `async` members
/// may be called from anywhere and go to the loop first.
package final class QUICStream: Stream, EventLoopWork, @unchecked Sendable {
  // Guard of every `var`: the connection's thread.

  /// Bytes that wait to be sent before a writer has to wait.
  static let unsentMax = 256 << 10

  package private(set) var id: Int64 = -1
  package let direction: Direction
  /// In the connection's list of streams.
  var place = -1
  private let connection: QUICConnection
  /// Both sides are done, or the connection is gone: the wire knows this stream no more.
  private(set) var isClosed = false
  private let loop: EventLoop?

  // Receiving.
  // The runtime's exclusivity check costs as much as a small read; one thread uses this, and never within its own use.
  @exclusivity(unchecked) private var received = ReceiveBuffer()
  private var endReceived = false
  private var readFailure: StreamError?
  private var reader: Reader?
  /// The one that is called soon; it is in the loop's queue once for that.
  private var called: (any StreamReader)?

  /// Who waits for something to read.
  private enum Reader {
    case task(UnsafeContinuation<Void, Never>)
    case object(any StreamReader)
  }

  // Sending.
  var buffer = SendBuffer()
  private(set) var finishRequested = false
  private(set) var finishSent = false
  private var writeFailure: StreamError?
  /// The remote has acknowledged something of this stream, or sent something on it.
  private var isKnownToRemote: Bool
  /// What waits until the remote knows this stream.
  private var delayedEnd: DelayedEnd?
  private var writer: UnsafeContinuation<Void, Never>?
  var hasWaitingWriter: Bool { self.writer != nil }
  /// In the connection's list of streams that are blocked while their writer waits.
  var isWatched = false
  /// In the connection's queue of streams that have something to send.
  var isQueued = false
  var nextQueued: QUICStream?

  private enum DelayedEnd {
    case reset(code: UInt64)
    case stop(code: UInt64)
  }

  init(connection: QUICConnection, direction: Direction, loop: EventLoop?) {
    self.connection = connection
    self.direction = direction
    self.isKnownToRemote = direction == .inbound
    self.loop = loop
  }

  deinit {
    // Whoever had this stream left bytes unread: their share of the connection's window goes back.
    let unread = self.received.count
    guard unread > 0 else { return }
    let connection = ConnectionReference(connection: self.connection)
    if let loop = self.loop, !loop.isCurrent {
      loop.execute { connection.connection.consumed(unread, of: -1) }
    } else {
      connection.connection.consumed(unread, of: -1)
    }
  }

  /// Carries a connection to its own thread.
  private struct ConnectionReference: @unchecked Sendable {
    // Guard: used only in a closure that runs on the connection's thread.
    let connection: QUICConnection
  }

  func opened(as id: Int64, place: Int) {
    self.id = id
    self.place = place
  }

  /// The id while ngtcp2 knows the stream, else -1.
  private var wireID: Int64 { self.isClosed ? -1 : self.id }

  // MARK: Reading, on the connection's thread

  func tryRead(upTo maximum: Int) -> ReadNow {
    if !self.received.isEmpty, maximum > 0 {
      let bytes = self.received.take(upTo: maximum)
      self.connection.consumed(bytes.count, of: self.wireID)
      return .bytes(bytes)
    }
    if let failure = self.readFailure { return .failed(failure) }
    return self.endReceived ? .end : .wait
  }

  /// Whether a writer may go on.
  func tryWrite(_ bytes: [UInt8], finish: Bool) -> StreamError? {
    if let failure = self.writeFailure { return failure }
    if self.finishRequested { return bytes.isEmpty && finish ? nil : .finished }
    self.buffer.append(bytes)
    self.finishRequested = finish
    if !bytes.isEmpty || finish { self.connection.hasData(self) }
    return nil
  }

  /// Something is left to put into packets.
  var wantsToSend: Bool {
    self.writeFailure == nil && (self.buffer.unsent > 0 || (self.finishRequested && !self.finishSent))
  }

  func resetOnLoop(code: UInt64) {
    let isUnknown = !self.isKnownToRemote && !self.isClosed
    if isUnknown, self.writeFailure == nil, self.buffer.sent == 0, !self.finishSent { return self.abandon(code: code) }
    self.readFailure = self.readFailure ?? .resetLocally
    self.writeFailure = self.writeFailure ?? .resetLocally
    self.dropReceived()
    if isUnknown {
      self.delayedEnd = .reset(code: code)
    } else {
      self.connection.reset(self, code: code)
    }
    self.wake()
  }

  // An ngtcp2 remote that hears of a stream by RESET_STREAM or STOP_SENDING first, because the bytes before it were lost
  // or overtaken, makes none, drops those bytes when they come, and never ends its side: the stream would stay here
  // for ever. So both wait until the remote knows the stream.

  /// Ends a stream of ours of which nothing was sent, with a FIN and no byte.
  private func abandon(code: UInt64) {
    self.buffer = SendBuffer()
    self.finishRequested = true
    self.connection.hasData(self)
    self.stopOnLoop(code: code)
    self.wakeWriter()
  }

  func stopOnLoop(code: UInt64) {
    self.readFailure = self.readFailure ?? .resetLocally
    self.dropReceived()
    if self.isKnownToRemote || self.isClosed {
      self.connection.stop(self, code: code)
    } else {
      self.delayedEnd = self.delayedEnd ?? .stop(code: code)
    }
    self.wakeReader()
  }

  // MARK: From the connection

  func didReceive(_ bytes: UnsafeBufferPointer<UInt8>, finished: Bool) {
    self.becameKnown()
    if finished { self.endReceived = true }
    if self.readFailure != nil {
      // Nobody will read it: the credit goes back at once.
      if !bytes.isEmpty { self.connection.consumed(bytes.count, of: self.wireID) }
    } else if !bytes.isEmpty {
      self.received.append(bytes)
    }
    self.wakeReader()
  }

  func didSend(_ count: Int, finish: Bool) {
    self.buffer.advance(count)
    if finish { self.finishSent = true }
    if self.buffer.unsent < QUICStream.unsentMax { self.wakeWriter() }
  }

  /// All bytes before `offset` are with the remote.
  func didAcknowledge(upTo offset: UInt64) {
    self.buffer.acknowledge(upTo: offset)
    self.becameKnown()
  }

  private func becameKnown() {
    if self.isKnownToRemote { return }
    self.isKnownToRemote = true
    if self.delayedEnd != nil { self.connection.hasDelayedEnd(self) }
  }

  /// Not from within ngtcp2.
  func sendDelayedEnd() {
    switch self.delayedEnd {
    case .reset(let code): self.connection.reset(self, code: code)
    case .stop(let code): self.connection.stop(self, code: code)
    case nil: break
    }
    self.delayedEnd = nil
  }

  /// The remote aborted its side; what it sent before is lost (RFC 9000 §3.5).
  func didReset(code: UInt64) {
    self.becameKnown()
    self.readFailure = self.readFailure ?? .reset(code: code)
    self.dropReceived()
    self.wakeReader()
  }

  /// The remote reads no further (STOP_SENDING), and ngtcp2 has answered with RESET_STREAM: it tells by refusing what
  /// there is to send, and the code not at all.
  func didStop() {
    self.writeFailure = self.writeFailure ?? .reset(code: StreamCode.none)
    self.wakeWriter()
  }

  /// Both sides are done; what was received can still be read.
  func didClose() {
    self.isClosed = true
    // A remote that resets its side has no use for ours either: its code says more than that the stream is over.
    self.writeFailure = self.writeFailure ?? self.readFailure ?? .finished
    if !self.endReceived { self.readFailure = self.readFailure ?? .finished }
    self.buffer = SendBuffer()
    self.wake()
  }

  func connectionDidClose(_ reason: CloseReason) {
    let words = reason.detail.map { "\(reason.reason): \($0)" } ?? reason.reason
    self.isClosed = true
    self.writeFailure = self.writeFailure ?? .connectionClosed(words)
    if !self.endReceived { self.readFailure = self.readFailure ?? .connectionClosed(words) }
    self.buffer = SendBuffer()
    self.wake()
  }

  private func dropReceived() {
    let count = self.received.count
    self.received = ReceiveBuffer()
    if count > 0 { self.connection.consumed(count, of: self.wireID) }
  }

  private func wake() {
    self.wakeReader()
    self.wakeWriter()
  }

  private func wakeReader() {
    switch self.reader {
    case nil: return
    case .task(let task):
      self.reader = nil
      task.resume()
    case .object(let object):
      // The one that waited before comes first; `run` looks after this one.
      if self.called != nil { return }
      self.reader = nil
      self.called = object
      // Not from within ngtcp2, and not from within what another reader does.
      self.loop?.enqueue(self)
    }
  }

  package func run() {
    let called = self.called
    self.called = nil
    called?.streamIsReadable()
    if case .object? = self.reader, self.isReadable { self.wakeReader() }
  }

  /// `tryRead` would not answer `wait`.
  private var isReadable: Bool { !self.received.isEmpty || self.readFailure != nil || self.endReceived }

  private func wakeWriter() {
    if let writer = self.writer {
      self.writer = nil
      writer.resume()
    }
  }

  // MARK: Stream

  package func read(upTo maximum: Int) async throws(StreamError) -> [UInt8]? {
    guard let loop = self.loop else { return try self.withoutLoop() }
    if loop.isCurrent {
      while true {
        switch self.tryRead(upTo: maximum) {
        case .bytes(let bytes): return bytes
        case .end: return nil
        case .failed(let error): throw error
        case .wait:
          if Task.isCancelled { throw .cancelled }
          await self.waitForBytes(loop)
        }
      }
    }
    return try await withTaskExecutorPreference(loop) { () async -> Result<[UInt8]?, StreamError> in
      do throws(StreamError) { return .success(try await self.read(upTo: maximum)) } catch { return .failure(error) }
    }.get()
  }

  package func read(onto bytes: inout [UInt8]) async throws(StreamError) -> Bool {
    let room = max(1, bytes.capacity - bytes.count)
    guard let loop = self.loop, loop.isCurrent else {
      guard let more = try await self.read(upTo: room) else { return false }
      bytes += more
      return true
    }
    while true {
      switch self.tryRead(upTo: room) {
      case .bytes(let more):
        bytes += more
        return true
      case .end: return false
      case .failed(let error): throw error
      case .wait:
        if Task.isCancelled { throw .cancelled }
        self.received.lend(&bytes)
        await self.waitForBytes(loop)
        let added = self.received.takeBack(&bytes)
        self.connection.consumed(added, of: self.wireID)
        if added > 0 { return true }
      }
    }
  }

  @inline(__always)
  private func waitForBytes(_ loop: EventLoop) async {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        self.wakeReader()
        self.reader = .task(continuation)
      }
    } onCancel: {
      loop.execute { self.wakeReader() }
    }
  }

  package var isCurrent: Bool { self.loop?.isCurrent == true }

  package func wake(_ reader: any StreamReader) {
    self.wakeReader()
    self.reader = .object(reader)
    if self.isReadable { self.wakeReader() }
  }

  package func readNow(upTo maximum: Int) -> ReadNow {
    self.isCurrent ? self.tryRead(upTo: maximum) : .wait
  }

  package func writeNow(_ bytes: [UInt8], finish: Bool) throws(StreamError) -> Bool {
    guard self.isCurrent, finish || self.buffer.unsent + bytes.count < QUICStream.unsentMax else {
      return false
    }
    if let failure = self.tryWrite(bytes, finish: finish) { throw failure }
    return true
  }

  package func write(_ bytes: [UInt8], finish: Bool) async throws(StreamError) {
    guard let loop = self.loop else { return try self.withoutLoop() }
    if loop.isCurrent {
      // The usual case: there is room, nothing to wait for.
      if let failure = self.tryWrite(bytes, finish: finish) { throw failure }
      if self.buffer.unsent < QUICStream.unsentMax || finish { return }
      return try await self.waitForRoom(loop).get()
    }
    try await withTaskExecutorPreference(loop) { () -> Result<Void, StreamError> in
      if let failure = self.tryWrite(bytes, finish: finish) { return .failure(failure) }
      if self.buffer.unsent < QUICStream.unsentMax || finish { return .success(()) }
      return await self.waitForRoom(loop)
    }.get()
  }

  private func waitForRoom(_ loop: EventLoop) async -> Result<Void, StreamError> {
    while self.buffer.unsent >= QUICStream.unsentMax {
      if let failure = self.writeFailure { return .failure(failure) }
      if Task.isCancelled { return .failure(.cancelled) }
      await withTaskCancellationHandler {
        await withUnsafeContinuation { continuation in
          self.wakeWriter()
          self.writer = continuation
          self.connection.watch(self)
        }
      } onCancel: {
        loop.execute { self.wakeWriter() }
      }
    }
    return .success(())
  }

  package func reset(code: UInt64) {
    guard let loop = self.loop, !loop.isCurrent else { return self.resetOnLoop(code: code) }
    loop.execute { self.resetOnLoop(code: code) }
  }

  package func stopReading(code: UInt64) {
    guard let loop = self.loop, !loop.isCurrent else { return self.stopOnLoop(code: code) }
    loop.execute { self.stopOnLoop(code: code) }
  }

  private func withoutLoop<Value>() throws(StreamError) -> Value {
    preconditionFailure("a simulated stream is used through tryRead and tryWrite")
  }
}
