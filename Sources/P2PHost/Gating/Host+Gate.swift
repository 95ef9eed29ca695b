package import P2PCore

// The blocklist, and who was refused.

extension Host {
  /// Entries of the blocklist, sorted.
  package func blocklist() async -> [Blocklist.Record] {
    self.gate.blocklist
  }

  /// Blocks a peer or a network and closes what it matches; true when the entry is new. `expiresAt`: milliseconds
  /// since the Unix epoch. Throws where the list is full or the entry cannot be kept for the next start.
  package func block(_ entry: BlockEntry, expiresAt: Int64?, reason: String?) async throws(BookError) -> Bool {
    let now = self.clock.wall()
    let isNew: Bool
    do throws(BlockEntryError) {
      isNew = try self.gate.block(entry, expiresAt: expiresAt, reason: reason, now: now)
    } catch {
      throw .full(error.description)
    }
    var peer: PeerID?
    if case .peer(let id) = entry { peer = id }
    self.publish(
      "peer.blocked", peer: peer,
      fields: [
        ("entry", .string("\(entry)")), ("reason", EventValue(reason)),
        ("expires_at", expiresAt.map { .time($0) } ?? .null),
      ])
    for record in self.connectionTable.values {
      let connection = record.connection
      guard self.gate.refusal(of: connection.remotePeer, at: connection.remoteAddress.ip, now: now) != nil else {
        continue
      }
      self.beginClosing(connection.id, Closing(code: ConnectionCode.gated, reason: "blocked"))
    }
    if let peer {
      if let dial = self.dialOfPeer[peer] { self.cancelJob(dial) }
      self.keep(peer, after: .zero)
    }
    try await self.saveBook()
    return isNew
  }

  /// False when there is no such entry.
  package func unblock(_ entry: BlockEntry) async throws(BookError) -> Bool {
    guard self.gate.unblock(entry) else { return false }
    self.resumeBlocked(by: [entry])
    try await self.saveBook()
    return true
  }

  func expireBlocks() {
    self.resumeBlocked(by: self.gate.expire(now: self.clock.wall()))
  }

  private func resumeBlocked(by entries: [BlockEntry]) {
    for case .peer(let peer) in entries where self.peerTable[peer]?.isKept == true { self.keep(peer, after: .zero) }
  }

  /// In allow-list mode: who knocked and was refused, newest first.
  package func unknownPeers() async -> [UnknownPeers.Entry] { self.unknownPeerTable.entries }
}
