internal import P2PCore
internal import P2PHost
internal import Synchronization

/// A stream of the protocol from its first byte to its end: the session on it once it is agreed, and what is to be sent.
final class LiveSession: @unchecked Sendable {
  // Guard of `place` and `agreedSessions`: the lock of `Federation`; of `done`: whoever opens, serves or goes on with it,
  // one after the other.

  /// Bytes that may wait behind a remote that does not read; with more the session is over.
  static let unsentMax = 64 << 10

  let stream: ProtocolStream
  let connection: any Connection
  private let federation: Federation
  /// To be told of its end, once.
  var done: (@Sendable (Result<Void, any Error>) -> Void)?
  /// Where it is in the list of sessions; nil once it is over, and before it waits for anything.
  var place: Int?
  /// Those that it is one of, while it is agreed.
  var agreedSessions: AgreedSessions?
  private let state: Mutex<State>

  private struct State {
    /// The remote's answer to our hello must be here then; nil for a responder.
    var answerBy: Duration?
    var session: Session?
    /// It is to end by then at the latest.
    var endBy: Duration?
    /// Keep-alives had no answer, or the hello.
    var isUnanswered = false
    // What waits to be sent. Whoever finds nobody sending sends for all.
    var unsent: [UInt8] = []
    var finishes = false
    var isSending = false
  }

  init(_ federation: Federation, stream: ProtocolStream, connection: any Connection, answerBy: Duration?) {
    self.federation = federation
    self.stream = stream
    self.connection = connection
    self.state = Mutex(State(answerBy: answerBy))
  }

  /// For whoever looks at the peer, `other` is the same.
  func isAgreed(as other: Agreement) -> Bool {
    self.state.withLock { $0.session?.agreement.isSame(as: other) == true }
  }

  /// Largest frame that we accept, bytes; of an agreed one.
  var receiveLimit: Int { self.state.withLock { $0.session?.agreement.receiveLimit ?? 0 } }
  /// Milliseconds, the peer's clock minus ours.
  var clockOffset: Int64? { self.state.withLock { $0.session?.clock.milliseconds } }
  var isEnding: Bool { self.state.withLock { $0.endBy != nil } }
  var isUnanswered: Bool { self.state.withLock { $0.isUnanswered } }

  /// As the host shows it.
  var peerAgreement: PeerAgreement? {
    self.state.withLock { state in
      guard let session = state.session else { return nil }
      let agreement = session.agreement
      return PeerAgreement(
        version: agreement.version.description, network: agreement.network, capabilities: agreement.capabilities,
        agent: agreement.agent, frameLimit: agreement.sendLimit, clockOffset: session.clock.milliseconds,
        since: Int64(clamping: agreement.sinceMilliseconds))
    }
  }

  func agreed(_ session: Session) {
    self.state.withLock { state in
      state.session = session
      state.answerBy = nil
    }
  }

  func end(by deadline: Duration) { self.state.withLock { $0.endBy = min($0.endBy ?? deadline, deadline) } }

  // MARK: The session

  /// Of an agreed one.
  func received(_ frame: [UInt8], now: Duration, nowMilliseconds: UInt64) -> Session.OnFrame {
    self.state.withLock { state in
      state.session?.received(frame, now: now, nowMilliseconds: nowMilliseconds) ?? .nothing
    }
  }

  enum OnTimer {
    case nothing
    case send([UInt8])
    /// End our side.
    case finish
    /// The remote does not answer.
    case reset
  }

  /// Once a second.
  func timer(now: Duration, nowMilliseconds: UInt64) -> OnTimer {
    self.state.withLock { state in
      if let deadline = state.endBy { return now < deadline ? .nothing : state.session == nil ? .reset : .finish }
      if let deadline = state.answerBy {
        if now < deadline { return .nothing }
        state.isUnanswered = true
        return .reset
      }
      switch state.session?.timer(now: now, nowMilliseconds: nowMilliseconds) {
      case .send(let frame, _): return .send(frame)
      case .over:
        state.isUnanswered = true
        return .reset
      case .wait, nil: return .nothing
      }
    }
  }

  // MARK: Sending

  /// Sends `frame` behind what waits, and ends our side where `finish` is set. From any task: those that come while
  /// another one sends leave it to that one.
  func send(_ frame: [UInt8]?, finish: Bool = false) async throws(ProtocolStreamError) {
    if try self.sendNow(frame, finish: finish) { return }
    let (isOurs, isTooMuch) = self.state.withLock { state -> (Bool, Bool) in
      if state.finishes { return (false, false) }
      if let frame { state.unsent += FrameWriter.framed(frame) }
      state.finishes = finish
      if state.unsent.count > Self.unsentMax { return (false, true) }
      if state.isSending { return (false, false) }
      state.isSending = true
      return (true, false)
    }
    if isTooMuch { throw ProtocolStreamError.violation("it asks for more than it reads") }
    if !isOurs { return }
    while true {
      let (bytes, finish, isDone) = self.state.withLock { state in
        defer { state.unsent = [] }
        if state.unsent.isEmpty, !state.finishes { state.isSending = false }
        return (state.unsent, state.finishes, state.unsent.isEmpty && !state.finishes)
      }
      if isDone { return }
      try await self.stream.write(bytes, finish: finish)
      if finish { return }
    }
  }

  /// As `send` where nothing waits before it and nothing has to; otherwise false, and nothing is done.
  func sendNow(_ frame: [UInt8]?, finish: Bool = false) throws(ProtocolStreamError) -> Bool {
    let result: Result<Bool, ProtocolStreamError> = self.state.withLock { state in
      if state.isSending || state.finishes { return .success(false) }
      return Result { () throws(ProtocolStreamError) in
        guard try self.stream.writeNow(frame.map(FrameWriter.framed) ?? [], finish: finish) else { return false }
        state.finishes = finish
        return true
      }
    }
    return try result.get()
  }
}

extension LiveSession: StreamReader {
  func streamIsReadable() { self.federation.go(on: self, self.federation.step(self)) }
}

/// The agreed sessions of one peer. Each of them holds it, so that the peer is looked up once.
final class AgreedSessions: @unchecked Sendable {
  // Guard: the lock of `Federation`.

  let peer: PeerID
  private(set) var sessions: [LiveSession] = []

  init(_ peer: PeerID) { self.peer = peer }

  var latest: LiveSession? { self.sessions.last }

  func add(_ session: LiveSession) { self.sessions.append(session) }

  func remove(_ session: LiveSession) {
    // The first one, as a rule.
    if let index = self.sessions.firstIndex(where: { $0 === session }) { self.sessions.remove(at: index) }
  }
}

extension Agreement {
  fileprivate func isSame(as other: Agreement) -> Bool {
    self.version == other.version && self.network == other.network && self.agent == other.agent
      && self.capabilities == other.capabilities && self.sendLimit == other.sendLimit
  }
}
