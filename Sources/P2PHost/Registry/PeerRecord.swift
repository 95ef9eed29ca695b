internal import P2PCore

/// What the host knows of one peer.
struct PeerRecord: Sendable {
  let id: PeerID
  private(set) var lifecycle = PeerLifecycle()
  private(set) var stateSince: Int64
  var agentVersion: String?
  var protocols: [String] = []
  /// Ids of its connections, oldest first.
  private(set) var connections: [String] = []
  let firstSeenAt: Int64
  var lastSeenAt: Int64?
  private(set) var connectedAt: Int64?
  private(set) var lastDisconnect: PeerInfo.Disconnect?
  /// Times that it went away without our asking.
  private(set) var flapCount = 0
  /// Failed dials since the last connection.
  private(set) var failureCount = 0
  private(set) var addresses: [PeerInfo.Address] = []

  // The address book.
  /// Nil: known, but not in the book.
  private(set) var book: BookEntry.Source?
  private(set) var name: String?
  private(set) var pinned = false
  /// An operator disconnected a pinned peer.
  var paused = false
  /// An operator deleted it; it goes with its last connection.
  var isForgotten = false

  // Keeping.
  var backoff = Backoff()
  /// Milliseconds since the Unix epoch.
  var nextAttemptAt: Int64?
  /// The wait that ends then.
  var wait: Duration?
  /// The wait for a connection that was lost while the dial that made it was not concluded.
  var owedWait: Duration?

  /// What a protocol agreed on with it; while it lives.
  var agreement: PeerAgreement?
  /// Why none was reached the last time; until one is.
  var agreementFailure: PeerAgreementFailure?
  /// When its clock was last warned about, by the monotonic clock.
  var clockToldAt: Duration?

  /// It is to be connected always.
  var isKept: Bool { self.pinned && !self.paused && !self.isForgotten }

  init(id: PeerID, now: Int64) {
    self.id = id
    self.stateSince = now
    self.firstSeenAt = now
  }

  mutating func dialStarted(now: Int64) -> LinkChange? {
    self.note(self.lifecycle.dialStarted(), now)
  }

  mutating func dialEnded(_ ending: DialEnding, now: Int64) -> LinkChange? {
    if ending == .failed { self.failureCount += 1 }
    return self.note(self.lifecycle.dialEnded(ending), now)
  }

  mutating func connectionOpened(_ id: String, now: Int64) -> LinkChange? {
    self.connections.append(id)
    self.lastSeenAt = now
    self.failureCount = 0
    let change = self.note(self.lifecycle.connectionOpened(), now)
    if change != nil { self.connectedAt = now }
    return change
  }

  mutating func connectionClosing(now: Int64) -> LinkChange? {
    self.note(self.lifecycle.connectionClosing(), now)
  }

  mutating func connectionClosed(
    _ id: String, wasClosing: Bool, lost: Bool, reason: CloseReason, now: Int64
  ) -> LinkChange? {
    self.connections.removeAll { $0 == id }
    self.lastDisconnect = PeerInfo.Disconnect(at: now, reason: reason)
    if reason.initiator != .none { self.lastSeenAt = now }
    if self.connections.isEmpty {
      self.connectedAt = nil
      // One of two connections of a simultaneous dial is no loss.
      let isSupplanted = reason.isApplicationCode && reason.code == ConnectionCode.supplanted
      if !wasClosing, !isSupplanted { self.flapCount += 1 }
    }
    return self.note(self.lifecycle.connectionClosed(wasClosing: wasClosing, lost: lost), now)
  }

  private mutating func note(_ change: LinkChange?, _ now: Int64) -> LinkChange? {
    if change != nil { self.stateSince = now }
    return change
  }

  // MARK: The address book

  mutating func enter(_ entry: BookEntry) {
    self.book = entry.source
    self.name = entry.name
    self.pinned = entry.pinned
    self.setBook(entry.addresses, source: entry.source)
  }

  /// Whether `entry` would change nothing.
  func isEntered(as entry: BookEntry) -> Bool {
    self.book == entry.source && self.name == entry.name && self.pinned == entry.pinned
      && self.bookAddresses == entry.addresses.map(\.withoutPeerID)
  }

  mutating func leaveBook() {
    self.book = nil
    self.pinned = false
  }

  // MARK: Addresses

  /// Adds `address`, without `/p2p`, unless it is known. Where `maximum` is reached, the oldest that never worked
  /// goes, or else the oldest, but none of the address book.
  mutating func add(_ address: Multiaddr, source: String, maximum: Int) {
    let address = address.withoutPeerID
    if self.addresses.contains(where: { $0.address == address }) { return }
    if self.addresses.count >= maximum {
      let own = self.addresses.indices.filter { !Self.isOfBook(self.addresses[$0]) }
      guard let victim = own.first(where: { self.addresses[$0].lastSuccessAt == nil }) ?? own.first else { return }
      self.addresses.remove(at: victim)
    }
    self.addresses.append(
      PeerInfo.Address(
        address: address, source: source, lastAttemptAt: nil, lastSuccessAt: nil, lastError: nil))
  }

  private static func isOfBook(_ address: PeerInfo.Address) -> Bool {
    address.source == BookEntry.Source.config.rawValue || address.source == BookEntry.Source.api.rawValue
  }

  /// Addresses that an operator gave.
  var bookAddresses: [Multiaddr] { self.addresses.filter(Self.isOfBook).map(\.address) }

  /// Replaces the addresses that an operator gave; they come first. What is known of those that stay is kept.
  mutating func setBook(_ addresses: [Multiaddr], source: BookEntry.Source) {
    let known = self.addresses
    let given = addresses.map { address -> PeerInfo.Address in
      let plain = address.withoutPeerID
      var entry =
        known.first { $0.address == plain }
        ?? PeerInfo.Address(
          address: plain, source: "", lastAttemptAt: nil, lastSuccessAt: nil, lastError: nil)
      entry.source = source.rawValue
      return entry
    }
    self.addresses =
      given + known.filter { old in !Self.isOfBook(old) && !given.contains { $0.address == old.address } }
  }

  /// Notes how an attempt at a known address ended; `error` nil is success.
  mutating func tried(_ address: Multiaddr, at time: Int64, error: DialError?) {
    let address = address.withoutPeerID
    guard let index = self.addresses.firstIndex(where: { $0.address == address }) else { return }
    self.addresses[index].lastAttemptAt = time
    self.addresses[index].lastError = error
    if error == nil { self.addresses[index].lastSuccessAt = time }
  }
}
