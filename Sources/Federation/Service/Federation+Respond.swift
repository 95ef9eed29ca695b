internal import P2PCore
package import P2PHost

// Streams that members open.

extension Federation: CallbackHandler {
  /// Of one peer at one time. One is enough; a restarted peer may have more for a while.
  private static let streamsPerPeerMax = 128

  package var serves: ServedProtocol { .versions(self.offer.spoken) }

  package var options: ProtocolOptions {
    // Sessions last as long as their connection.
    ProtocolOptions(limits: ProtocolLimits(streamsPerPeer: Self.streamsPerPeerMax), delaysShutdown: false)
  }

  package func declined(_ remote: RemotePeer) async {
    await self.tellHost(
      PeerAgreementFailure(
        code: RejectCode.noCommonVersion.word, detail: "\(quoted(remote.protocolID)) is not spoken here", by: .local,
        isPermanent: RejectCode.noCommonVersion.isPermanent, at: self.clock.wall()),
      on: remote.connection, .inbound)
  }

  package func handle(_ stream: ProtocolStream, from remote: RemotePeer) async throws {
    try await withUnsafeThrowingContinuation { continuation in
      self.serve(stream, from: remote) { continuation.resume(with: $0) }
    }
  }

  package func serve(
    _ stream: ProtocolStream, from remote: RemotePeer, done: @escaping @Sendable (Result<Void, any Error>) -> Void
  ) {
    let session = LiveSession(self, stream: stream, connection: remote.connection, answerBy: nil)
    session.done = done
    do {
      switch try self.agreeNow(session, remote.protocolID) {
      case .agreed(let step): self.go(on: session, step)
      case .left(let answer):
        self.add(session)
        Task(executorPreference: self.host.streamExecutor) {
          do {
            try await self.respond(session, remote.protocolID, answer)
          } catch {
            self.end(session, .failure(error))
          }
        }
      }
    } catch {
      self.end(session, .failure(error))
    }
  }

  private enum AgreedNow {
    case agreed(Step)
    /// The answer to the hello could not be sent at once, or rejects it; nil where there is no hello yet.
    indirect case left(HandshakeResponder.OnFrame?)
  }

  /// As a rule the hello came with the proposal, and nothing is waited for.
  private func agreeNow(_ session: LiveSession, _ protocolID: String) throws -> AgreedNow {
    let reader = FrameReader(session.stream, limit: FederationProtocol.handshakeFrameMax)
    var responder = HandshakeResponder(offer: self.offer, protocolID: protocolID)
    let answer: HandshakeResponder.OnFrame
    do {
      guard case .message(let frame) = try reader.frameNow() else { return .left(nil) }
      answer = self.answer(&responder, to: frame, reader, session.connection)
    } catch {
      answer = try Self.answer(&responder, to: error)
    }
    guard case .accept(let agreement, let frame) = answer, try session.sendNow(frame) else { return .left(answer) }
    return .agreed(self.begin(session, agreement, .inbound))
  }

  /// `answer` where the hello has come.
  private func respond(
    _ session: LiveSession, _ protocolID: String, _ answer: HandshakeResponder.OnFrame?
  ) async throws {
    var answer = answer
    if answer == nil { answer = try await self.hear(session, protocolID) }
    switch answer {
    case .accept(let agreement, let frame):
      try await session.send(frame)
      self.go(on: session, self.begin(session, agreement, .inbound))
    case .reject(let rejection, let frame):
      try await session.send(frame, finish: true)
      await self.tellHost(of: rejection, session)
      await self.awaitEnd(of: session.stream)
      self.end(session)
    case .nothing, nil:
      self.end(session)
    }
  }

  /// Waits for the hello. Nil when the remote left without one.
  private func hear(_ session: LiveSession, _ protocolID: String) async throws -> HandshakeResponder.OnFrame? {
    let reader = FrameReader(session.stream, limit: FederationProtocol.handshakeFrameMax)
    var responder = HandshakeResponder(offer: self.offer, protocolID: protocolID)
    do {
      let frame = try await self.clock.limit(FederationProtocol.handshakeTimeout) { try await reader.next() }
      guard let frame else { return nil }
      return self.answer(&responder, to: frame, reader, session.connection)
    } catch is DeadlinePassed {
      return responder.refuse(Rejection(.helloTimeout))
    } catch {
      return try Self.answer(&responder, to: error)
    }
  }

  private func answer(
    _ responder: inout HandshakeResponder, to frame: [UInt8], _ reader: FrameReader, _ connection: any Connection
  ) -> HandshakeResponder.OnFrame {
    let now = self.nowMilliseconds
    return responder.received(
      frame, isMember: self.host.gate.isMember(connection.remotePeer), bytesBehind: reader.hasMore,
      receivedMilliseconds: now, nowMilliseconds: now)
  }

  /// To what is no hello; throws where the remote only left.
  private static func answer(
    _ responder: inout HandshakeResponder, to error: any Error
  ) throws -> HandshakeResponder.OnFrame {
    guard let error = error as? ProtocolStreamError, let rejection = Rejection(error, awaitingHello: true) else {
      throw error
    }
    return responder.refuse(rejection)
  }
}
