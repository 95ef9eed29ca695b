package import P2PCore

// Closing connections on our side.

extension Host {
  /// Bytes of a close reason that are told to the peer: a CONNECTION_CLOSE must fit into one packet.
  static let closeReasonBytesMax = 128

  /// How long the transport may take from the close of a connection to its last word.
  private static let lastWordWait: Duration = .seconds(5)

  /// How a connection is to be closed.
  struct Closing: Sendable {
    var code = ConnectionCode.none
    /// Told to the peer.
    var reason: String
    /// How long its streams may take to finish; nil: not at all.
    var grace: Duration?
    /// The word for why this node will have nothing to do with the peer: it is `failed` then and retried at the slow
    /// end; nil for any other close.
    var refusal: String?
  }

  /// Closes all connections to `peer`; false when the peer is unknown. `reason` is told to the peer. A pinned one is
  /// paused: it is not redialled until `connect`.
  package func disconnect(_ peer: PeerID, reason: String) async -> Bool {
    guard let record = self.peerTable[peer], !record.isForgotten else { return false }
    if record.pinned {
      self.peerTable[peer]?.paused = true
      self.keep(peer, after: .zero)
    }
    if let dial = self.dialOfPeer[peer] { self.cancelJob(dial) }
    let closing = Closing(reason: reason, grace: self.configuration.limits.closeGrace)
    for id in record.connections { self.beginClosing(id, closing) }
    return true
  }

  /// False when there is no such live connection. `abort` does not wait for streams.
  package func closeConnection(_ id: String, abort: Bool) async -> Bool {
    guard self.connectionTable[id] != nil else { return false }
    let grace = abort ? nil : self.configuration.limits.closeGrace
    self.beginClosing(id, Closing(reason: "closed by the operator", grace: grace))
    return true
  }

  /// Does nothing for a connection that is gone.
  func beginClosing(_ id: String, _ closing: Closing) {
    guard let record = self.connectionTable[id] else { return }
    let connection = record.connection
    let told = String(decoding: closing.reason.utf8.prefix(Self.closeReasonBytesMax), as: UTF8.self)
    var why = CloseReason(
      closing.refusal ?? "closed_locally", initiator: .local, code: closing.code, isApplicationCode: true, detail: told)
    why.isRefusal = closing.refusal != nil
    guard case .close(let change)? = self.connectionTable[id]?.lifecycle.closing(why) else {
      // Being closed already; an abort hurries it.
      if closing.grace == nil { connection.close(code: closing.code, reason: told) }
      return
    }
    record.identification?.cancel()
    self.probes.remove(id)
    let peer = connection.remotePeer
    let peerChange = self.peerTable[peer]?.connectionClosing(now: self.clock.wall())
    self.publish(change, of: connection, closing: why)
    self.publish(peerChange ?? nil, of: peer, reason: closing.reason)
    self.drains.set(id, at: self.clock.monotonic() + (closing.grace ?? .zero) + Self.lastWordWait)
    guard let grace = closing.grace else { return connection.close(code: closing.code, reason: told) }
    let deadline = self.clock.monotonic() + grace
    Task { [clock] in
      while clock.monotonic() < deadline, let figures = await connection.statistics(),
        figures.streamsInbound + figures.streamsOutbound > 0
      {
        guard await clock.pause(.milliseconds(20)) else { break }
      }
      connection.close(code: closing.code, reason: told)
    }
  }

  /// Two nodes that dialled each other at the same moment have two connections; both keep the same one. The other
  /// is closed by the node that dialled it, so that each is closed once, and only when the kept one is there.
  func settleSimultaneousDial(_ opened: any Connection) {
    let peer = opened.remotePeer
    let kept = SimultaneousDial.keptDirection(local: self.localPeer, remote: peer)
    guard kept == .inbound else { return }
    let live = (self.peerTable[peer]?.connections ?? []).compactMap { self.connectionTable[$0] }
      .filter { $0.lifecycle.state == .connected }
    guard live.contains(where: { $0.connection.direction == .inbound }) else { return }
    for record in live where record.connection.direction == .outbound {
      self.beginClosing(
        record.connection.id,
        Closing(
          code: ConnectionCode.supplanted, reason: "the connection from the other side is kept",
          grace: self.configuration.limits.closeGrace))
    }
    // A dial of ours that is still under way has found its peer.
    if opened.direction == .inbound, let dial = self.dialOfPeer[peer] { self.dialJobs[dial]?.cancel() }
  }
}
