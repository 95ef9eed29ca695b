internal import P2PCore
package import P2PHost

// Streams that members open.

extension Federation: ProtocolHandler {
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
    let connection = remote.connection
    let session = self.add(stream, on: connection, answerBy: nil)
    defer { self.remove(session) }
    var responder = HandshakeResponder(offer: self.offer, protocolID: remote.protocolID)
    // As a rule the hello came with the proposal, and nothing is waited for.
    let answer = try self.answerNow(&responder, stream, connection)
    guard case .accept(let agreement, let frame)? = answer, try session.sendNow(frame) else {
      return try await self.respond(&responder, answer, session)
    }
    self.host.counters.agreed(.inbound)
    await self.run(session, agreement)
  }

  /// `answer` where the hello has come.
  private func respond(
    _ responder: inout HandshakeResponder, _ answer: HandshakeResponder.OnFrame?, _ session: LiveSession
  ) async throws {
    var answer = answer
    if answer == nil { answer = try await self.hear(&responder, session.stream, session.connection) }
    switch answer {
    case .accept(let agreement, let frame):
      try await session.send(frame)
      self.host.counters.agreed(.inbound)
      await self.run(session, agreement)
    case .reject(let rejection, let frame):
      try await session.send(frame, finish: true)
      await self.tellHost(of: rejection, session)
      await self.awaitEnd(of: session.stream)
    case .nothing, nil:
      return
    }
  }

  /// The answer to a hello that is there already; nil where it has to be waited for.
  private func answerNow(
    _ responder: inout HandshakeResponder, _ stream: ProtocolStream, _ connection: any Connection
  ) throws -> HandshakeResponder.OnFrame? {
    let reader = FrameReader(stream, limit: FederationProtocol.handshakeFrameMax)
    do {
      guard case .message(let frame) = try reader.frameNow() else { return nil }
      return self.answer(&responder, to: frame, reader, connection)
    } catch {
      return try Self.answer(&responder, to: error)
    }
  }

  /// Waits for the hello. Nil when the remote left without one.
  private func hear(
    _ responder: inout HandshakeResponder, _ stream: ProtocolStream, _ connection: any Connection
  ) async throws -> HandshakeResponder.OnFrame? {
    let reader = FrameReader(stream, limit: FederationProtocol.handshakeFrameMax)
    do {
      let frame = try await self.clock.limit(FederationProtocol.handshakeTimeout) { try await reader.next() }
      guard let frame else { return nil }
      return self.answer(&responder, to: frame, reader, connection)
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
