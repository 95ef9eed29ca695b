/// A bidirectional stream. One reader and one writer at a time; safe from any thread, fastest on the
/// transport's `streamExecutor`.
package protocol Stream: AnyObject, Sendable {
  /// The QUIC stream id.
  var id: Int64 { get }
  var direction: Direction { get }

  /// The next bytes in order, at least one and at most `maximum`; nil at the end (the remote finished).
  /// Flow-control credit goes back to the remote as bytes are returned here.
  func read(upTo maximum: Int) async throws(StreamError) -> [UInt8]?

  /// As `read(upTo:)`, behind what is in `bytes`, at most as far as its capacity reaches; false at the end. What comes
  /// while it waits is put there without a further copy. `bytes` with no room left gets at least one more.
  func read(onto bytes: inout [UInt8]) async throws(StreamError) -> Bool

  /// Puts `bytes` into the send buffer; waits while it is full. `finish` ends our side with the last byte.
  func write(_ bytes: [UInt8], finish: Bool) async throws(StreamError)

  /// Whether this is the transport's thread, where what can be done at once need not be awaited: every call of an async
  /// function, and every return from one, costs a task with a preferred executor more than a small read. False for a
  /// transport that has no thread of its own.
  var isCurrent: Bool { get }

  /// As `read`, on the transport's thread; elsewhere `wait`.
  func readNow(upTo maximum: Int) -> ReadNow

  /// As `write`, likewise; false when nothing was written because that would have to wait.
  func writeNow(_ bytes: [UInt8], finish: Bool) throws(StreamError) -> Bool

  /// Calls `reader` once `readNow` would not answer `wait`: soon, and not within this call. On the transport's thread, in
  /// place of a `read`, and without a task. Until then the stream holds it.
  func wake(_ reader: any StreamReader)

  /// Aborts both directions (RESET_STREAM and STOP_SENDING, RFC 9000 §19.4–5). Idempotent.
  func reset(code: UInt64)

  /// Tells the remote that we read no further (STOP_SENDING).
  func stopReading(code: UInt64)
}

extension Stream {
  package func read(onto bytes: inout [UInt8]) async throws(StreamError) -> Bool {
    guard let more = try await self.read(upTo: max(1, bytes.capacity - bytes.count)) else { return false }
    bytes += more
    return true
  }

  package var isCurrent: Bool { false }
  package func readNow(upTo maximum: Int) -> ReadNow { .wait }
  package func writeNow(_ bytes: [UInt8], finish: Bool) throws(StreamError) -> Bool { false }
  package func wake(_ reader: any StreamReader) {
    preconditionFailure("a transport without a thread of its own wakes nobody")
  }
}

/// Reads a stream when there is something to read, instead of waiting in a task.
package protocol StreamReader: AnyObject, Sendable {
  /// There are bytes, the end or a failure. Once for each `wake`, on the transport's thread.
  func streamIsReadable()
}

/// What a stream has for its reader at this moment.
package enum ReadNow: Sendable, Hashable {
  /// At least one.
  case bytes([UInt8])
  /// The remote finished.
  case end
  case failed(StreamError)
  /// Nothing: use `read`.
  case wait
}

package enum StreamError: Error, Sendable, Hashable {
  /// The remote reset its side or stopped ours.
  case reset(code: UInt64)
  /// We reset the stream ourselves.
  case resetLocally
  /// The connection under it is gone.
  case connectionClosed(String)
  /// The task was cancelled.
  case cancelled
  /// A read past the end was asked for, or a write after finish.
  case finished
}
