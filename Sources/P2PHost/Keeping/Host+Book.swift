package import P2PCore

/// Why the address book or the blocklist was not changed.
package enum BookError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A limit is reached, in words.
  case full(String)
  /// The peer is named by the configuration.
  case configured(PeerID)
  /// An address that this node cannot dial.
  case address(DialError)
  case isSelf
  /// In force now, but not kept for the next start.
  case notSaved(String)

  package var description: String {
    switch self {
    case .full(let words): words
    case .configured(let peer):
      "\(peer) is one of peers.static or peers.file; remove it there and reload the configuration"
    case .address(let error): error.detail
    case .isSelf: "this is the node itself"
    case .notSaved(let words): "it is in force, but could not be written for the next start: \(words)"
    }
  }
}

// The address book: peers that an operator named.

extension Host {
  /// Addresses that an operator may give for one peer.
  package static let bookAddressesMax = 16

  /// Takes over what was kept and what is configured. Before `start`.
  package func load(_ peers: [BookEntry], blocks: [Blocklist.Record]) {
    precondition(self.phase == .initialized, "the address book is loaded before the start")
    let now = self.clock.wall()
    for entry in peers where entry.peerID != self.localPeer {
      _ = self.know(entry.peerID, now: now)
      self.enter(entry)
    }
    for block in blocks where block.expiresAt.map({ $0 > now }) != false {
      do throws(BlockEntryError) {
        _ = try self.gate.block(block.entry, expiresAt: block.expiresAt, reason: block.reason, now: block.createdAt)
      } catch {
        self.log.error("a blocklist entry was dropped", [("entry", "\(block.entry)"), ("error", error.description)])
      }
    }
  }

  private func enter(_ entry: BookEntry) {
    self.peerTable.enter(entry)
    self.gate.admit(entry.peerID)
    self.unknownPeerTable.remove(entry.peerID)
    for observer in self.observers { observer.peer(entry.peerID, isMember: true) }
  }

  /// Puts a peer into the address book or changes it there; nil leaves a value as it is. True when it is new.
  /// A pinned one is dialled at once. Addresses name no other peer (`/p2p` is dropped).
  package func putPeer(
    _ peer: PeerID, addresses: [Multiaddr]?, name: String?, pinned: Bool?
  ) async throws(BookError) -> (peer: PeerInfo, isNew: Bool) {
    if peer == self.localPeer { throw .isSelf }
    for address in addresses ?? [] {
      do throws(DialError) { _ = try address.quicTarget() } catch { throw .address(error) }
    }
    let before = self.peerTable[peer]
    if before?.book == nil {
      let count = self.peerTable.book.count
      guard count < self.configuration.limits.bookMax else {
        throw .full("the address book holds \(count) peers, which is the most; DELETE one first")
      }
    }
    if self.know(peer, now: self.clock.wall()) { self.publish("peer.added", peer: peer, fields: []) }
    self.enter(
      BookEntry(
        peerID: peer, name: name ?? before?.name, pinned: pinned ?? before?.pinned ?? false,
        addresses: addresses ?? before?.bookAddresses ?? [], source: before?.book ?? .api))
    if pinned == true { self.peerTable[peer]?.paused = false }
    self.peerTable[peer]?.backoff.reset()
    self.keep(peer, after: .zero)
    self.tick()
    let info = await self.peer(peer)
    try await self.saveBook()
    guard let info else { throw .full("the peer was deleted meanwhile") }
    return (info, before?.book == nil)
  }

  /// Forgets a peer: cancels its dials, closes its connections, takes it out of the address book. False when it is
  /// unknown.
  package func forgetPeer(_ peer: PeerID) async throws(BookError) -> Bool {
    guard let record = self.peerTable[peer], !record.isForgotten else { return false }
    if record.book == .config { throw .configured(peer) }
    self.forget(record)
    if record.book != nil { try await self.saveBook() }
    return true
  }

  private func forget(_ record: PeerRecord) {
    let peer = record.id
    self.peerTable.forget(peer)
    self.gate.dismiss(peer)
    for observer in self.observers { observer.peer(peer, isMember: false) }
    self.keep(peer, after: .zero)
    if let dial = self.dialOfPeer[peer] { self.cancelJob(dial) }
    for id in record.connections { self.beginClosing(id, Closing(reason: "forgotten by the operator")) }
    self.publish("peer.removed", peer: peer, fields: [("reason", .string("deleted"))])
    self.removeIfForgotten(peer)
  }

  /// Takes over the peers of a configuration that has changed. Nothing happens to those that are as before. Of those
  /// that it no longer names, one that is connected becomes a peer like any other, where the policy lets it stay;
  /// everyone else is forgotten.
  package func configure(_ peers: [BookEntry]) async {
    let named = Set(peers.map(\.peerID))
    for peer in self.peerTable.book where !named.contains(peer) {
      guard let record = self.peerTable[peer], record.book == .config else { continue }
      if self.gate.policy == .allowlist || self.liveConnection(to: peer) == nil {
        self.forget(record)
        continue
      }
      self.peerTable.leaveBook(peer)
      self.gate.dismiss(peer)
      for observer in self.observers { observer.peer(peer, isMember: false) }
      self.keep(peer, after: .zero)
    }
    for entry in peers
    where entry.peerID != self.localPeer && self.peerTable[entry.peerID]?.isEntered(as: entry) != true {
      let peer = entry.peerID
      if self.know(peer, now: self.clock.wall()) { self.publish("peer.added", peer: peer, fields: []) }
      self.enter(entry)
      self.peerTable[peer]?.backoff.reset()
      self.keep(peer, after: .zero)
    }
    self.tick()
  }

  /// Its last connection or dial may be what it waited for.
  func removeIfForgotten(_ peer: PeerID) {
    guard let record = self.peerTable[peer], record.isForgotten, record.lifecycle.isAtRest else { return }
    self.peerTable.remove(peer)
  }

  /// Dials `peer` at the addresses known; ends a pause. Nil when it is unknown.
  package func connect(_ peer: PeerID, timeout: Duration?) async -> DialResult? {
    guard let record = self.peerTable[peer], !record.isForgotten else { return nil }
    self.peerTable[peer]?.paused = false
    self.peerTable[peer]?.backoff.reset()
    return await self.dial(peer: peer, addresses: [], timeout: timeout)
  }

  /// Keeps the book for the next start.
  func saveBook() async throws(BookError) {
    guard let save = self.services.saveBook else { return }
    self.bookRevision += 1
    let peers = self.peerTable.book.compactMap { peer -> BookEntry? in
      guard let record = self.peerTable[peer], record.book == .api else { return nil }
      return BookEntry(
        peerID: record.id, name: record.name, pinned: record.pinned, addresses: record.bookAddresses, source: .api)
    }
    let snapshot = BookSnapshot(
      revision: self.bookRevision, peers: peers.sorted { $0.peerID.description < $1.peerID.description },
      blocks: self.gate.blocklist)
    do { try await save(snapshot) } catch { throw .notSaved("\(error)") }
  }
}
