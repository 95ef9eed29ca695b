internal import P2PCore
internal import P2PHost

// Sessions that this node opens.

extension Federation {
  /// Opens a stream on `connection`, agrees, and stays until the session ends.
  func initiate(on connection: any Connection) async {
    var initiator = HandshakeInitiator(offer: self.offer)
    let deadline = self.clock.monotonic() + FederationProtocol.handshakeTimeout
    guard self.isOpen(connection) else { return }
    do throws(ProtocolStreamError) {
      let ids = await self.proposals(to: connection)
      let hello = FrameWriter.framed(initiator.start(nowMilliseconds: self.nowMilliseconds))
      // One version: the hello leaves with the proposal. Several: behind the answer.
      let stream = try await ProtocolStream.open(on: connection, protocols: ids, firstPayload: hello)
      let session = LiveSession(self, stream: stream, connection: connection, answerBy: deadline)
      self.add(session)
      defer { self.remove(session) }
      if !self.isOpen(connection) { self.endLate(session) }
      await self.agree(&initiator, session)
    } catch {
      await self.failed(error, on: connection, isLate: false)
    }
  }

  /// The versions to propose, the best first: the best in common alone where the peer has told on this connection what
  /// it speaks, all of them otherwise.
  private func proposals(to connection: any Connection) async -> [String] {
    let spoken = self.offer.spoken
    if spoken.ids.count == 1 { return spoken.ids }
    let told = await self.host.protocols(toldOn: connection)?.compactMap { spoken.version(ofID: $0) } ?? []
    return spoken.best(inCommonWith: told).map { [spoken.id(of: $0)] } ?? spoken.ids
  }

  private func agree(_ initiator: inout HandshakeInitiator, _ session: LiveSession) async {
    let reader = FrameReader(session.stream, limit: FederationProtocol.handshakeFrameMax)
    let answer: HandshakeInitiator.OnFrame
    do throws(ProtocolStreamError) {
      guard let frame = try await reader.next() else { throw .unexpectedEnd }
      answer = initiator.received(
        frame, protocolID: session.stream.protocolID ?? "", nowMilliseconds: self.nowMilliseconds)
    } catch {
      session.stream.reset(code: StreamCode.none)
      guard let rejection = Rejection(error, awaitingHello: false), rejection.code != .noCommonVersion else {
        return await self.failed(error, on: session.connection, isLate: session.isUnanswered)
      }
      return await self.tellHost(of: rejection, session)
    }
    switch answer {
    case .agreed(let agreement):
      await withUnsafeContinuation { continuation in
        session.done = { _ in continuation.resume() }
        self.go(on: session, self.begin(session, agreement, .outbound))
      }
    case .rejected(let rejection, let frame):
      do {
        try await session.send(frame, finish: true)
      } catch {
        session.stream.reset(code: StreamCode.none)
      }
      await self.tellHost(of: rejection, session)
      await self.awaitEnd(of: session.stream)
    case .nothing:
      break
    }
  }

  /// There was no answer at all.
  private func failed(_ error: ProtocolStreamError, on connection: any Connection, isLate: Bool) async {
    let code: String
    var side = PeerAgreementFailure.Side.remote
    var isPermanent = false
    var detail = "\(error)"
    switch error {
    // The hello that came with a proposal that is not taken makes no sense to the remote: it may reset the stream before
    // its refusal is read.
    case .notNegotiated, .stream(.reset(StreamCode.protocolNegotiationFailed)):
      let name = self.offer.spoken.name + "/"
      let speaksAnother = await self.host.protocols(toldOn: connection)?.contains { $0.hasPrefix(name) } == true
      code = speaksAnother ? RejectCode.noCommonVersion.word : "unsupported"
      isPermanent = speaksAnother
      if speaksAnother { detail = RejectCode.noCommonVersion.sentence }
    case .stream where isLate:
      code = "timeout"
      side = .local
      detail = "no answer to the hello within \(FederationProtocol.handshakeTimeout.components.seconds) s"
    case .stream(.connectionClosed):
      // The connection's own end says all.
      return
    default:
      code = "connection_lost"
    }
    await self.tellHost(
      PeerAgreementFailure(code: code, detail: detail, by: side, isPermanent: isPermanent, at: self.clock.wall()),
      on: connection, .outbound)
  }
}
