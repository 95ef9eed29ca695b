package import P2PCore

// What a protocol above tells the host of the peers that it agreed with. The host does not know the protocol: it counts
// its agreements for readiness, shows them, and closes what cannot work.

extension Host {
  /// A clock that is further off is warned about, milliseconds.
  package static let clockOffsetMax: Int64 = 200
  /// How often one peer's clock is told of.
  private static let clockTold: Duration = .seconds(60)

  /// `peer` counts from now on.
  package func agreed(with peer: PeerID, on connection: any Connection, _ agreement: PeerAgreement) {
    self.drainInbox()
    // It may be gone already; then this says nothing any more.
    guard self.connectionTable[connection.id] != nil, let record = self.peerTable[peer] else { return }
    var agreement = agreement
    if let before = record.agreement {
      agreement.since = before.since
      agreement.clockOffset = agreement.clockOffset ?? before.clockOffset
    }
    self.peerTable[peer]?.agreement = agreement
    self.peerTable[peer]?.agreementFailure = nil
    self.updateQuorum(self.clock.monotonic())
    if record.agreement == nil {
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

  /// The last agreement with `peer` is over.
  package func agreementEnded(with peer: PeerID, reason: String) {
    guard self.peerTable[peer]?.agreement != nil else { return }
    self.peerTable[peer]?.agreement = nil
    self.updateQuorum(self.clock.monotonic())
    self.publish("federation.ended", peer: peer, fields: [("reason", .string(reason))])
  }

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
    let closing = Closing(
      code: ConnectionCode.gated, reason: "\(failure.code): \(failure.detail)", refusal: failure.code)
    for id in record.connections { self.beginClosing(id, closing) }
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
