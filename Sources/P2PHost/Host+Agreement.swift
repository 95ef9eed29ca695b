package import P2PCore

// What a protocol above tells the host of the peers that it agreed with. The host does not know the protocol: it counts
// its agreements for readiness, shows them, and closes what cannot work.

extension Host {
  /// Where streams live; a protocol's own tasks run there.
  package nonisolated var streamExecutor: (any TaskExecutor)? { self.transport.streamExecutor }

  /// A clock that is further off is warned about, milliseconds.
  package static let clockOffsetMax: Int64 = 200
  /// How often one peer's clock is told of.
  private static let clockTold: Duration = .seconds(60)

  /// What is agreed with `peer` may have changed; `current` says what holds now, nil for nothing. It is asked here, so
  /// that of two changes at the same time the later one counts. `reason`: why nothing holds any more.
  package func agreementChanged(
    with peer: PeerID, on connection: any Connection, reason: String?, _ current: @Sendable () -> PeerAgreement?
  ) {
    self.drainInbox()
    guard let before = self.peerTable[peer] else { return }
    guard var agreement = current() else {
      guard before.agreement != nil else { return }
      self.peerTable[peer]?.agreement = nil
      self.updateQuorum(self.clock.monotonic())
      self.publish("federation.ended", peer: peer, fields: [("reason", EventValue(reason))])
      return
    }
    // Gone already: the session's end is about to be told as well.
    if before.connections.isEmpty { return }
    if let last = before.agreement {
      agreement.since = last.since
      agreement.clockOffset = agreement.clockOffset ?? last.clockOffset
    }
    self.peerTable[peer]?.agreement = agreement
    self.peerTable[peer]?.agreementFailure = nil
    self.updateQuorum(self.clock.monotonic())
    if before.agreement == nil {
      self.publish(
        "federation.agreed", peer: peer, connection: connection.id,
        fields: [
          ("version", .string(agreement.version)), ("network", .string(agreement.network)),
          ("capabilities", EventValue(agreement.capabilities)), ("agent", .string(agreement.agent)),
          ("frame_limit", .int(Int64(agreement.frameLimit))),
        ])
    }
    self.warn(ofClockOf: peer)
  }

  /// What a refusal that was sent on a stream has to arrive before the connection goes.
  private static let refusalGrace: Duration = .seconds(1)
  /// How often one peer's failures of one kind are told of: anyone can cause them.
  private static let failureToldInterval: Int64 = 1_000

  /// One side refused the other. Where that is for good and the peer is a member, its connections are closed, and it is
  /// `failed` until it is retried at the slow end.
  package func agreementFailed(with peer: PeerID, on connection: any Connection, _ failure: PeerAgreementFailure) {
    self.drainInbox()
    guard let record = self.peerTable[peer] else { return }
    let last = record.agreementFailure
    let isTold = last?.code == failure.code && last.map { failure.at - $0.at < Self.failureToldInterval } == true
    self.peerTable[peer]?.agreementFailure = failure
    if !isTold {
      self.publish(
        "federation.rejected", peer: peer, connection: connection.id,
        fields: [
          ("code", .string(failure.code)), ("by", .string(failure.by.rawValue)), ("detail", .string(failure.detail)),
        ])
    }
    guard failure.isPermanent, record.isKept else { return }
    // The remote has nothing against us where it is we who are refused: it may know better soon, and dial us.
    let closing = Closing(
      code: failure.by == .local ? ConnectionCode.gated : ConnectionCode.protocolNegotiationFailed,
      reason: "\(failure.code): \(failure.detail)", grace: Self.refusalGrace, refusal: failure.code)
    for id in record.connections { self.beginClosing(id, closing) }
  }

  /// What the peer told on this very connection that it speaks; nil while it has told nothing.
  package func protocols(toldOn connection: any Connection) -> [String]? {
    guard self.connectionTable[connection.id]?.isIdentified == true else { return nil }
    return self.peerTable[connection.remotePeer]?.protocols
  }

  /// A new measurement of the clock of a peer that something is agreed with; milliseconds, its clock minus ours.
  package func clockMeasured(of peer: PeerID, offset: Int64) {
    guard self.peerTable[peer]?.agreement != nil else { return }
    self.peerTable[peer]?.agreement?.clockOffset = offset
    self.warn(ofClockOf: peer)
  }

  private func warn(ofClockOf peer: PeerID) {
    guard let offset = self.peerTable[peer]?.agreement?.clockOffset, abs(offset) > Self.clockOffsetMax else { return }
    let now = self.clock.monotonic()
    if let last = self.peerTable[peer]?.clockToldAt, now - last < Self.clockTold { return }
    self.peerTable[peer]?.clockToldAt = now
    self.publish(
      "peer.clock_skew", peer: peer,
      fields: [("offset_ms", .int(offset)), ("limit_ms", .int(Self.clockOffsetMax))])
  }
}
