internal import P2PCore

// What the transport tells.

extension Host {
  /// Handles all that the transport has told so far. Synchronous, so that whoever calls it on the actor sees the
  /// state of this moment: a dial does before it answers.
  func drainInbox() {
    for event in self.inbox.take() {
      switch event {
      case .opened(let connection): self.opened(connection)
      case .closed(let connection, let reason): self.closed(connection, reason)
      case .pathChanged(let connection): self.pathChanged(connection)
      case .inboundRefused(let address, let reason):
        self.counters.connectionRefused()
        self.publish(
          "peer.refused", fields: [("remote_address", .string("\(address)")), ("reason", .string(reason))])
      case .datagramsDropped(let count, let address):
        self.log.notice(
          "datagrams that belong to no connection were dropped",
          [("count", "\(count)"), ("last_from", "\(address)")])
      case .listenerFailed(let listener):
        self.publish(
          "listener.failed",
          fields: [("address", .string("\(listener.address)")), ("error", EventValue(listener.error))])
      // Streams go to the router.
      case .stream: break
      }
    }
  }

  private func opened(_ connection: any Connection) {
    if let (code, reason) = self.refusal(of: connection) {
      self.counters.connectionRefused()
      self.publish(
        "peer.refused", peer: connection.remotePeer,
        fields: [("remote_address", .string("\(connection.remoteAddress)")), ("reason", .string(reason))])
      connection.close(code: code, reason: reason)
      return
    }
    let now = self.clock.wall()
    let peer = connection.remotePeer
    let isNew = self.know(peer, now: now)
    self.lastConnectionNumber += 1
    self.connectionTable[connection.id] = ConnectionRecord(
      connection: connection, number: self.lastConnectionNumber, openedSince: self.clock.monotonic())
    let change = self.peerTable[peer]?.connectionOpened(connection.id, now: now)
    self.peerTable[peer]?.add(
      connection.remoteAddress, source: connection.direction == .inbound ? "inbound" : "dial",
      maximum: self.configuration.limits.addressesPerPeerMax)
    self.counters.connectionOpened(connection.direction, handshake: connection.handshakeDuration)
    if isNew { self.publish("peer.added", peer: peer, fields: []) }
    self.publish(LinkChange(from: .connecting, to: .connected), of: connection, reason: nil)
    self.publish(change ?? nil, of: peer, reason: nil)
    self.connectionTable[connection.id]?.identification = self.identify(connection)
  }

  /// Why a new connection is not kept, with the code to close it with.
  private func refusal(of connection: any Connection) -> (code: UInt64, reason: String)? {
    if connection.remotePeer == self.localPeer { return (ConnectionCode.gated, "this is the node itself") }
    if self.phase != .running { return (ConnectionCode.shutdown, "shutting down") }
    // Dials counted themselves in before they began.
    if connection.direction == .outbound { return nil }
    let limits = self.configuration.limits
    if self.connectionTable.count >= limits.connectionsMax {
      return (ConnectionCode.resourceLimitExceeded, "too many connections")
    }
    if (self.peerTable[connection.remotePeer]?.connections.count ?? 0) >= limits.connectionsPerPeerMax {
      return (ConnectionCode.resourceLimitExceeded, "too many connections of one peer")
    }
    return nil
  }

  /// Makes sure that `peer` has a record; true when it is new.
  func know(_ peer: PeerID, now: Int64) -> Bool {
    switch self.peerTable.add(peer, now: now) {
    case .known:
      return false
    case .added(let forgotten):
      for peer in forgotten {
        self.publish("peer.removed", peer: peer, fields: [("reason", .string("peer table full"))])
      }
      return true
    }
  }

  private func closed(_ connection: any Connection, _ reason: CloseReason) {
    guard let record = self.connectionTable[connection.id],
      case .publish(let change, let wasClosing)? = self.connectionTable[connection.id]?.lifecycle.closed(reason)
    else { return }
    record.identification?.cancel()
    self.connectionTable[connection.id] = nil
    let peer = connection.remotePeer
    let peerChange = self.peerTable[peer]?.connectionClosed(
      connection.id, wasClosing: wasClosing, reason: reason, now: self.clock.wall())
    self.counters.connectionClosed(
      connection.direction, lifetime: self.clock.monotonic() - record.openedSince)
    self.publish(
      change, of: connection, reason: reason.reason,
      further: [
        ("initiator", .string(reason.initiator.rawValue)),
        ("code", reason.code.map { .int(Int64(clamping: $0)) } ?? .null),
        ("error", EventValue(reason.detail)),
      ])
    self.publish(peerChange ?? nil, of: peer, reason: reason.reason)
  }

  private func pathChanged(_ connection: any Connection) {
    guard self.connectionTable[connection.id] != nil else { return }
    self.publish(
      "connection.path_changed", peer: connection.remotePeer, connection: connection.id,
      fields: [
        ("local_address", .string("\(connection.localAddress)")),
        ("remote_address", .string("\(connection.remoteAddress)")),
      ])
  }
}
