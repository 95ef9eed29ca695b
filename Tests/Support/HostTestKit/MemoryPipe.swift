import P2PCore
import Synchronization

/// One direction of an in-memory stream: a bounded buffer with a writer that waits and a reader that waits.
final class MemoryPipe: Sendable {
  private struct State {
    var buffer: [UInt8] = []
    var finished = false
    /// What the reader and the writer are told once it is over.
    var readError: StreamError?
    var writeError: StreamError?
    var reader: CheckedContinuation<Void, Never>?
    var writer: CheckedContinuation<Void, Never>?
    var bytes: UInt64 = 0

    /// Nobody will put or take anything any more.
    var isDone: Bool { self.readError != nil || (self.finished && self.buffer.isEmpty) }
  }

  let capacity: Int
  private let state = Mutex(State())

  init(capacity: Int) { self.capacity = capacity }

  var isDone: Bool { self.state.withLock { $0.isDone } }
  var bytes: UInt64 { self.state.withLock { $0.bytes } }
  /// Bytes written that nobody has read.
  var waiting: Int { self.state.withLock { $0.buffer.count } }
  var isFinished: Bool { self.state.withLock { $0.finished } }
  /// What ended the direction early.
  var error: StreamError? { self.state.withLock { $0.readError ?? $0.writeError } }

  func read(upTo maximum: Int) async throws(StreamError) -> [UInt8]? {
    while true {
      if Task.isCancelled { throw .cancelled }
      enum Outcome {
        case bytes([UInt8])
        case end, wait
        case error(StreamError)
      }
      let (outcome, writer) = self.state.withLock { state -> (Outcome, CheckedContinuation<Void, Never>?) in
        if let error = state.readError { return (.error(error), nil) }
        if state.buffer.isEmpty { return (state.finished ? .end : .wait, nil) }
        let taken = Array(state.buffer.prefix(maximum))
        state.buffer.removeFirst(taken.count)
        defer { state.writer = nil }
        return (.bytes(taken), state.writer)
      }
      writer?.resume()
      switch outcome {
      case .bytes(let bytes): return bytes
      case .end: return nil
      case .error(let error): throw error
      case .wait:
        await self.wait(\.reader) { $0.buffer.isEmpty && !$0.finished && $0.readError == nil }
      }
    }
  }

  func write(_ bytes: [UInt8], finish: Bool) async throws(StreamError) {
    var left = bytes[...]
    while true {
      if Task.isCancelled { throw .cancelled }
      enum Outcome {
        case done, wait
        case error(StreamError)
      }
      let (outcome, reader) = self.state.withLock { state -> (Outcome, CheckedContinuation<Void, Never>?) in
        if let error = state.writeError { return (.error(error), nil) }
        if state.finished { return (.error(.finished), nil) }
        let piece = left.prefix(self.capacity - state.buffer.count)
        state.buffer += piece
        state.bytes += UInt64(piece.count)
        left = left.dropFirst(piece.count)
        if left.isEmpty && finish { state.finished = true }
        defer { state.reader = nil }
        return (left.isEmpty ? .done : .wait, state.reader)
      }
      reader?.resume()
      switch outcome {
      case .done: return
      case .error(let error): throw error
      case .wait:
        await self.wait(\.writer) { $0.buffer.count >= self.capacity && $0.writeError == nil }
      }
    }
  }

  /// Ends the direction early for its reader, its writer or both; the first word counts.
  func end(reader: StreamError?, writer: StreamError?) {
    let waiting = self.state.withLock { state -> [CheckedContinuation<Void, Never>?] in
      if state.readError == nil, let reader {
        state.readError = reader
        state.buffer = []
      }
      if state.writeError == nil, let writer { state.writeError = writer }
      defer {
        state.reader = nil
        state.writer = nil
      }
      return [state.reader, state.writer]
    }
    for continuation in waiting { continuation?.resume() }
  }

  private func wait(
    _ slot: any WritableKeyPath<State, CheckedContinuation<Void, Never>?> & Sendable,
    while condition: @Sendable (borrowing State) -> Bool
  ) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resume = self.state.withLock { state in
          if Task.isCancelled || !condition(state) { return true }
          precondition(state[keyPath: slot] == nil, "two readers or two writers on one stream")
          state[keyPath: slot] = continuation
          return false
        }
        if resume { continuation.resume() }
      }
    } onCancel: {
      let waiting = self.state.withLock { state in
        defer { state[keyPath: slot] = nil }
        return state[keyPath: slot]
      }
      waiting?.resume()
    }
  }
}
