internal import CMicroHTTPD
internal import Synchronization

/// One request and its answer. Made with the request line, gone when the library calls the request completed.
///
/// @unchecked: members marked so belong to the server's thread, everything else is immutable or in the mutex.
final class Exchange: @unchecked Sendable {
  let connection: ClientConnection
  let rawTarget: String

  // Of the server's thread.
  var headRead = false
  var isHead = false
  var headers = HTTPHeaders()
  var body: [UInt8] = []
  /// Body bytes beyond the limit that were read and dropped.
  var droppedBytes = 0
  var refusal: HTTPRefusal?

  private let state = Mutex(State())

  private struct State {
    enum Answer {
      case none
      /// Being made, with the connection suspended.
      case waiting
      /// Made; the connection was resumed and the library will ask for it.
      case ready(HTTPResponse)
      case taken
    }

    var answer = Answer.none
    var task: Task<Void, Never>?
    var stream: HTTPStream?
    /// Good while `answer` is `waiting`: the library keeps a suspended connection.
    /// nonisolated(unsafe): guarded by the mutex that this state lies in.
    nonisolated(unsafe) var suspended: OpaquePointer?
  }

  init(connection: ClientConnection, rawTarget: String) {
    self.connection = connection
    self.rawTarget = rawTarget
  }

  /// On the server's thread: suspends the connection until `complete`. False when `unless` says so, which is asked
  /// under the lock that `abandon` takes.
  func suspend(_ connection: OpaquePointer, unless stopped: () -> Bool) -> Bool {
    self.state.withLock { state in
      guard !stopped() else { return false }
      MHD_suspend_connection(connection)
      state.answer = .waiting
      state.suspended = connection
      return true
    }
  }

  /// Remembers the task that makes the answer, to be able to cancel it.
  func started(_ task: Task<Void, Never>) {
    let waiting = self.state.withLock { state in
      guard case .waiting = state.answer else { return false }
      state.task = task
      return true
    }
    if !waiting { task.cancel() }
  }

  /// The answer's body is `stream`.
  func streams(_ stream: HTTPStream) {
    self.state.withLock { $0.stream = stream }
  }

  var stream: HTTPStream? { self.state.withLock { $0.stream } }

  /// The answer is there. Ignored when nobody waits for it any more.
  func complete(_ response: HTTPResponse) {
    let isWanted = self.state.withLock { state in
      guard case .waiting = state.answer, let connection = state.suspended else { return false }
      state.answer = .ready(response)
      state.suspended = nil
      state.task = nil
      MHD_resume_connection(connection)
      return true
    }
    if !isWanted { response.stream?.close() }
  }

  /// On the server's thread: the answer, once.
  func takeAnswer() -> HTTPResponse? {
    self.state.withLock { state in
      guard case .ready(let response) = state.answer else { return nil }
      state.answer = .taken
      return response
    }
  }

  /// The library is done with it: what is answered in pieces is over, as is an answer that it never asked for, because
  /// it saw the client leave first.
  func ended() {
    let unused = self.takeAnswer()
    self.stream?.close()
    unused?.stream?.close()
  }

  /// The client is gone. The task's end resumes the connection.
  func hungUp() {
    self.state.withLock { $0.task }?.cancel()
    self.stream?.abort()
  }

  /// The server waits no longer: cancels, and answers with `response` what is not answered.
  func abandon(_ response: HTTPResponse) {
    let task = self.state.withLock { $0.task }
    self.complete(response)
    task?.cancel()
    self.stream?.abort()
  }
}
