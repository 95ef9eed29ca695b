internal import P2PCore

// A dial begins: unless something forbids it, as a task of its own.

extension Host {
  /// Why a dial to `peer` does not even begin.
  func refusal(ofDialTo peer: PeerID?, isOfKeeper: Bool) -> DialError? {
    if self.phase != .running {
      return DialError(.shuttingDown, "this node is shutting down or has not started", temporary: false)
    }
    if let peer {
      if peer == self.localPeer {
        return DialError(.selfDial, "\(self.localPeer) is this node itself", temporary: false)
      }
      if let refusal = self.gate.refusal(of: peer, at: nil, now: self.clock.wall()) {
        return DialError(.blocked, refusal.words, temporary: false)
      }
    }
    guard let refusal = self.limit(ofDialTo: peer) else { return nil }
    self.tell(refusal, peer: peer)
    return DialError(.limitExceeded, refusal.words, temporary: true)
  }

  /// The limit that a further dial would pass. Dials under way count as the connections that they may become.
  private func limit(ofDialTo peer: PeerID?) -> LimitRefusal? {
    let limits = self.configuration.limits.connections
    let counts = self.connectionCounts
    let pending = self.dialJobs.count
    if limits.outbound > 0, counts.outbound + pending >= limits.outbound {
      return LimitRefusal(
        key: "limits.connections_outbound", used: counts.outbound + pending, limit: limits.outbound,
        what: "outbound connections and dials")
    }
    if limits.total > 0, counts.total + pending >= limits.total {
      return LimitRefusal(
        key: "limits.connections", used: counts.total + pending, limit: limits.total, what: "connections and dials")
    }
    return counts.refusal(.outbound, peer: peer ?? self.localPeer, ip: [], isPinned: true, under: limits)
  }

  enum OnBegin: Sendable {
    case began(String)
    case refused(DialError)
  }

  /// Starts a dial in a task of its own. Nothing is connected to `peer` and no dial to it is under way.
  func beginDial(_ peer: PeerID?, addresses: [Multiaddr], timeout: Duration?, isOfKeeper: Bool) -> OnBegin {
    if !isOfKeeper, let error = self.refusal(ofDialTo: peer, isOfKeeper: false) {
      self.counters.dialFailed(error.class)
      return .refused(error)
    }
    let inputs = self.inputs(peer, addresses)
    let id = self.nextDialID()
    let deadline = self.clock.monotonic() + (timeout ?? self.configuration.connectionTimeout)
    self.dialJobs[id] = DialJob(
      info: DialInfo(
        id: id, peerID: peer, addresses: inputs.map(\.address), state: .running, startedAt: self.clock.wall()),
      isOfKeeper: isOfKeeper, deadline: deadline, isDetached: isOfKeeper)
    if let peer {
      self.dialOfPeer[peer] = id
      self.keep(peer, after: .zero)
      let now = self.clock.wall()
      let isNew = self.know(peer, now: now)
      let change = self.peerTable[peer]?.dialStarted(now: now)
      if isNew { self.publish("peer.added", peer: peer, fields: []) }
      self.publish(change ?? nil, of: peer, reason: "dial")
    }
    self.publish(
      "dial.started", peer: peer,
      fields: [("dial", .string(id)), ("addresses", EventValue(inputs.map { "\($0.address)" }))])
    let dial = Dial(id: id, peer: peer, deadline: deadline)
    self.dialJobs[id]?.task = Task { await self.run(dial, inputs: inputs) }
    return .began(id)
  }

  /// What to try: the addresses given, or else those known.
  private func inputs(_ peer: PeerID?, _ addresses: [Multiaddr]) -> [DialResolver.Input] {
    if addresses.isEmpty, let peer, let record = self.peerTable[peer] {
      return record.addresses.map { DialResolver.Input(address: $0.address, peer: peer) }
    }
    return addresses.map { DialResolver.Input(address: $0, peer: peer ?? $0.peerID) }
  }
}
