internal import P2PCore
internal import P2PHost

// A session from its agreement to its end.

extension Federation {
  /// Goes on at `step` until the session has ended. It waits for the remote without a task; there is one only for what is
  /// to be awaited, as long as that takes.
  func go(on session: LiveSession, _ step: Step) {
    switch step {
    case .wait: session.stream.wake(session)
    case .finished:
      if self.remove(session) { self.go(on: session, .wasLast) } else { self.tellEnd(of: session) }
    default:
      Task(executorPreference: self.host.streamExecutor) {
        var step = step
        repeat { step = await self.take(step, session) } while !step.awaitsNothing
        self.go(on: session, step)
      }
    }
  }

  /// Of one that was not agreed.
  func end(_ session: LiveSession, _ result: Result<Void, any Error> = .success(())) {
    self.remove(session)
    self.tellEnd(of: session, result)
  }

  /// Tells whoever opened or serves the stream that it is done with. Once.
  private func tellEnd(of session: LiveSession, _ result: Result<Void, any Error> = .success(())) {
    let done = session.done
    session.done = nil
    done?(result)
  }

  /// `session` is agreed. What is to be done first in it.
  func begin(_ session: LiveSession, _ agreement: Agreement, _ direction: Direction) -> Step {
    self.host.counters.agreed(direction)
    session.agreed(Session(agreement, now: self.clock.monotonic()))
    let (isNews, anyEnding) = self.state.withLock { state in
      let peer = session.connection.remotePeer
      let known = state.agreed[peer]
      let agreed = known ?? AgreedSessions(peer)
      if known == nil { state.agreed[peer] = agreed }
      if session.place == nil { state.add(session) }
      let isNews = agreed.latest?.isAgreed(as: agreement) != true
      agreed.add(session)
      session.agreedSessions = agreed
      return (isNews, !state.ending.isEmpty)
    }
    if anyEnding { self.giveWay(session.connection.remotePeer) }
    return isNews ? .tellHost : self.step(session)
  }

  /// What ended a session otherwise than by the remote's end.
  struct Ending {
    var words: String
    var rejection: Rejection?
    /// The stream is to be ended, behind `answer`.
    var finishes = false
    var answer: [UInt8]?
  }

  /// What a session comes to next.
  enum Step {
    /// Nothing has come, on the transport's thread.
    case wait
    /// Both sides have ended it, or nothing is left to do.
    case finished
    // What is to be awaited.
    case wasLast
    case read
    case collect(Int)
    case send([UInt8])
    case finish
    indirect case over(Ending)
    case tellHost
    case tellClock

    /// Or not in a task.
    var awaitsNothing: Bool {
      switch self {
      case .wait, .finished: true
      default: false
      }
    }
  }

  /// Answers what has come, as far as nothing is to be awaited.
  func step(_ session: LiveSession) -> Step {
    let reader = FrameReader(session.stream, limit: session.receiveLimit)
    do throws(ProtocolStreamError) {
      while true {
        switch try reader.frameNow() {
        case .wait: return session.stream.isCurrent ? .wait : .read
        case .large(let size): return .collect(size)
        case .end: return try session.sendNow(nil, finish: true) ? .finished : .finish
        case .message(let frame):
          if let step = try self.answer(frame, session) { return step }
        }
      }
    } catch {
      return self.failed(session, error)
    }
  }

  /// Nil when nothing is left to do.
  private func answer(_ frame: [UInt8], _ session: LiveSession) throws(ProtocolStreamError) -> Step? {
    switch session.received(frame, now: self.clock.monotonic(), nowMilliseconds: self.nowMilliseconds) {
    case .nothing: nil
    case .measured: .tellClock
    case .send(let answer): try session.sendNow(answer) ? nil : .send(answer)
    case .over(let rejection, let answer):
      .over(Ending(words: "\(rejection)", rejection: rejection, finishes: true, answer: answer))
    }
  }

  private func failed(_ session: LiveSession, _ error: ProtocolStreamError) -> Step {
    if session.isUnanswered {
      let words = "\(FederationProtocol.keepAliveMissesMax) keep-alives without an answer"
      return .over(Ending(words: words))
    }
    guard let rejection = Rejection(error, awaitingHello: false) else {
      return .over(Ending(words: "\(error)"))
    }
    session.stream.reset(code: StreamCode.protocolViolation)
    return .over(Ending(words: "\(error)", rejection: rejection))
  }

  /// Does what is to be awaited, and tells what comes then.
  private func take(_ step: Step, _ session: LiveSession) async -> Step {
    do throws(ProtocolStreamError) {
      switch step {
      case .wait: break
      case .finished: return step
      case .wasLast:
        await self.wasLast(session)
        return .finished
      case .read: try await session.stream.waitForMore()
      case .collect(let size):
        let frame = try await session.stream.collect(size)
        if let step = try self.answer(frame, session) { return step }
      case .send(let answer): try await session.send(answer)
      case .finish:
        try await session.send(nil, finish: true)
        return .finished
      case .over(let ending):
        await self.over(session, ending)
        return .finished
      case .tellHost: await self.tellHost(of: session.connection.remotePeer, on: session.connection, reason: nil)
      case .tellClock:
        if let offset = session.clockOffset {
          await self.host.clockMeasured(of: session.connection.remotePeer, offset: offset)
        }
      }
      return self.step(session)
    } catch {
      return self.failed(session, error)
    }
  }

  private func over(_ session: LiveSession, _ ending: Ending) async {
    if ending.finishes {
      do {
        try await session.send(ending.answer, finish: true)
      } catch {
        self.log.debug("no answer sent", [("peer", "\(session.connection.remotePeer)"), ("error", "\(error)")])
      }
    }
    if self.remove(session) { await self.wasLast(session, ending.words) }
    guard let rejection = ending.rejection else { return }
    await self.tellHost(of: rejection, session)
    if rejection.by == .local { await self.awaitEnd(of: session.stream) }
  }

  /// No session with the peer is left.
  private func wasLast(_ session: LiveSession, _ words: String? = nil) async {
    let words = words ?? (session.isEnding ? "the session moved to another connection" : "the peer ended it")
    await self.tellHost(of: session.connection.remotePeer, on: session.connection, reason: words)
  }

  /// A side that was rejected has a second to end the stream; then it is reset.
  func awaitEnd(of stream: ProtocolStream) async {
    do {
      try await self.clock.limit(FederationProtocol.rejectedTimeout) {
        while try await stream.read(upTo: FederationProtocol.handshakeFrameMax) != nil {}
      }
    } catch {
      stream.reset(code: StreamCode.protocolViolation)
    }
  }
}
