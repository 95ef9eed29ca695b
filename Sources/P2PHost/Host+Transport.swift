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
        self.refused(nil, at: address, reason)
      case .datagramsDropped(let count, let address):
        self.log.notice(
          "datagrams that belong to no connection were dropped",
          [("count", "\(count)"), ("last_from", "\(address)")])
      case .listenerAdded(let listener):
        let address = "\(listener.address)"
        self.limitedLog.log(.notice, key: "\(address) added", "listening", [("address", address)])
        self.publish("listener.added", fields: [("address", .string(address))])
      case .listenerFailed(let listener):
        let address = "\(listener.address)"
        self.limitedLog.log(
          .warning, key: "\(address) failed", "not listening",
          [("address", address), ("error", listener.error ?? "")])
        self.publish(
          "listener.failed", fields: [("address", .string(address)), ("error", EventValue(listener.error))])
      case .networkChanged:
        self.limitedLog.log(
          .info, key: "network changed", "the network changed: pinned peers that are not connected are dialled")
        self.networkChanged()
      // Streams go to the router.
      case .stream: break
      }
    }
  }

  private func opened(_ connection: any Connection) {
    if let (code, reason) = self.refusal(of: connection) {
      self.refused(connection.remotePeer, at: connection.remoteAddress, reason)
      connection.close(
        code: code, reason: String(decoding: reason.utf8.prefix(Self.closeReasonBytesMax), as: UTF8.self))
      return
    }
    let now = self.clock.wall()
    let peer = connection.remotePeer
    let isNew = self.know(peer, now: now)
    self.lastConnectionNumber += 1
    let record = ConnectionRecord(
      connection: connection, number: self.lastConnectionNumber, openedSince: self.clock.monotonic())
    self.connectionTable[connection.id] = record
    self.connectionCounts.opened(connection.direction, peer: peer, ip: record.ip)
    let change = self.peerTable[peer]?.connectionOpened(connection.id, now: now)
    self.peerTable[peer]?.add(
      connection.remoteAddress, source: connection.direction == .inbound ? "inbound" : "dial",
      maximum: self.configuration.limits.addressesPerPeerMax)
    self.keep(peer, after: .zero)
    self.counters.connectionOpened(connection, ip: record.ip)
    if isNew { self.publish("peer.added", peer: peer, fields: []) }
    self.publish(LinkChange(from: .connecting, to: .connected), of: connection)
    self.publish(change ?? nil, of: peer, reason: nil)
    self.connectionTable[connection.id]?.identification = self.identify(connection)
    self.scheduleProbe(of: connection.id)
    self.settleSimultaneousDial(connection)
    self.probeOlder(than: connection)
  }

  /// Why a new connection is not kept, with the code to close it with.
  private func refusal(of connection: any Connection) -> (code: UInt64, reason: String)? {
    let peer = connection.remotePeer
    if peer == self.localPeer { return (ConnectionCode.gated, "this is the node itself") }
    if self.phase != .running { return (ConnectionCode.shutdown, "shutting down") }
    let ip = connection.remoteAddress.ip
    let now = self.clock.wall()
    if let refusal = self.gate.refusal(of: peer, at: ip, now: now) {
      if refusal == .notMember, connection.direction == .inbound {
        self.unknownPeerTable.note(peer, address: connection.remoteAddress, now: now)
      }
      return (ConnectionCode.gated, refusal.words)
    }
    // Dials counted themselves in before they began.
    if connection.direction == .outbound { return nil }
    var limits = self.configuration.limits.connections
    if limits.perPeer > 0 { limits.perPeer += self.unsettledConnections(of: peer) }
    let refusal = self.connectionCounts.refusal(
      .inbound, peer: peer, ip: ip ?? [], isPinned: self.peerTable[peer]?.isKept == true, under: limits)
    guard let refusal else { return nil }
    // Those that fill the limit may be of a process that is there no more.
    if refusal.key == "limits.connections_per_peer" { self.probeOlder(than: connection) }
    self.tell(refusal, peer: peer)
    return (ConnectionCode.resourceLimitExceeded, refusal.words)
  }

  /// While two nodes dial each other, each by IPv4 and IPv6, there are four connections for a moment.
  private static let unsettledMax = 4
  private static let settlingTime: Duration = .seconds(5)

  private func unsettledConnections(of peer: PeerID) -> Int {
    let since = self.clock.monotonic() - Self.settlingTime
    let young = (self.peerTable[peer]?.connections ?? []).count { id in
      self.connectionTable[id].map { $0.openedSince > since } ?? false
    }
    return min(young, Self.unsettledMax)
  }

  /// Refusals that are told of within one second; anyone can cause them, and events are remembered in a ring.
  private static let refusalsToldMax = 20

  private func refused(_ peer: PeerID?, at address: Multiaddr, _ reason: String) {
    self.counters.connectionRefused()
    let now = self.clock.monotonic()
    if now - self.refusals.since >= .seconds(1) { self.refusals = (now, 0, self.refusals.untold) }
    guard self.refusals.told < Self.refusalsToldMax else {
      self.refusals.untold += 1
      return
    }
    var fields: [(String, EventValue)] = [("remote_address", .string("\(address)")), ("reason", .string(reason))]
    if self.refusals.untold > 0 { fields.append(("untold", .int(Int64(self.refusals.untold)))) }
    self.refusals = (self.refusals.since, self.refusals.told + 1, 0)
    self.publish("peer.refused", peer: peer, fields: fields)
  }

  /// How often one limit is told of as reached.
  private static let limitTold: Duration = .seconds(10)

  /// Notes that a limit was reached.
  func tell(_ refusal: LimitRefusal, peer: PeerID?) {
    let now = self.clock.monotonic()
    if let last = self.limitsTold[refusal.key], now - last < Self.limitTold { return }
    self.limitsTold[refusal.key] = now
    self.publish(
      "limit.reached", peer: peer,
      fields: [
        ("scope", .string(refusal.key)), ("used", .int(Int64(refusal.used))), ("limit", .int(Int64(refusal.limit))),
        ("detail", .string(refusal.words)),
      ])
  }

  /// Makes sure that `peer` has a record; true when it is new.
  func know(_ peer: PeerID, now: Int64) -> Bool {
    switch self.peerTable.add(peer, now: now) {
    case .known:
      guard self.peerTable[peer]?.isForgotten == true else { return false }
      self.peerTable.remember(peer)
      return true
    case .added(let forgotten):
      for peer in forgotten {
        self.publish("peer.removed", peer: peer, fields: [("reason", .string("peer table full"))])
      }
      return true
    }
  }

  private func closed(_ connection: any Connection, _ reason: CloseReason) {
    guard case .publish(let change, let wasClosing)? = self.connectionTable[connection.id]?.lifecycle.closed(reason)
    else { return }
    self.remove(connection, change, wasClosing: wasClosing)
  }

  /// A connection that has been closing for too long: the transport owes its last word.
  func cutOff(_ id: String) {
    guard let connection = self.connectionTable[id]?.connection,
      case .abort(let change)? = self.connectionTable[id]?.lifecycle.drainTimedOut()
    else { return }
    self.log.error("a connection was not closed in time", [("connection", id), ("peer", "\(connection.remotePeer)")])
    self.remove(connection, change, wasClosing: true)
  }

  /// Takes a connection that is gone out of the books.
  private func remove(_ connection: any Connection, _ change: LinkChange, wasClosing: Bool) {
    guard let record = self.connectionTable.removeValue(forKey: connection.id), let reason = record.lifecycle.reason
    else { return }
    record.identification?.cancel()
    self.probes.remove(connection.id)
    self.drains.remove(connection.id)
    let peer = connection.remotePeer
    self.connectionCounts.closed(connection.direction, peer: peer, ip: record.ip)
    let now = self.clock.wall()
    let lifetime = self.clock.monotonic() - record.openedSince
    self.closedConnectionRing.append(
      ClosedConnectionInfo(
        connection: Self.info(record, state: change.to, connection.finalStatistics), closedAt: now, reason: reason))
    let peerChange = self.peerTable[peer]?.connectionClosed(
      connection.id, wasClosing: wasClosing, lost: change.to == .failed, reason: reason, now: now)
    self.counters.connectionClosed(connection.direction, ip: record.ip, lifetime: lifetime)
    if let statistics = connection.finalStatistics { self.closedTraffic.add(statistics) }
    self.retryAfterLoss(of: peer, connectedFor: lifetime, reason)
    self.publish(change, of: connection, closed: reason)
    self.publish(peerChange ?? nil, of: peer, reason: reason.reason)
    self.removeIfForgotten(peer)
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
