package import P2PCore
internal import Synchronization

/// Who may connect: the blocklist, and in allow-list mode the address book.
///
/// Asked by the transport before it answers a newcomer, and by the host before a dial and after a handshake; any
/// thread.
package final class Gate: Sendable {
  package enum Policy: String, Sendable, CaseIterable { case open, allowlist }

  /// Why somebody is kept out.
  enum Refusal: Sendable, Hashable {
    case blocked(BlockEntry)
    case notMember

    /// For the log, the API and the remote.
    var words: String {
      switch self {
      case .blocked(let entry): "\(entry) is on the blocklist"
      case .notMember: "the peer is not in the address book, and peers.policy is allowlist"
      }
    }
  }

  private struct State {
    var blocklist = Blocklist()
    /// Peers of the address book.
    var members: Set<PeerID> = []
  }

  package let policy: Policy
  private let state = Mutex(State())

  package init(policy: Policy) { self.policy = policy }

  /// Why a newcomer at `ip` (4 or 16 bytes) is not answered; nil when it is. `now`: milliseconds since the Unix epoch.
  package func refusal(ofAddress ip: [UInt8], now: Int64) -> String? {
    self.blockingEntry(of: ip, now: now).map { Refusal.blocked($0).words }
  }

  func blockingEntry(of ip: [UInt8], now: Int64) -> BlockEntry? {
    self.state.withLock { $0.blocklist.match(ip: ip, now: now)?.entry }
  }

  func blockingEntry(of peer: PeerID, now: Int64) -> BlockEntry? {
    self.state.withLock { $0.blocklist.match(peer: peer, now: now)?.entry }
  }

  /// What is said of a peer whose key is proven, at `ip` where it has one.
  func refusal(of peer: PeerID, at ip: [UInt8]?, now: Int64) -> Refusal? {
    self.state.withLock { state in
      if let record = state.blocklist.match(peer: peer, now: now) { return .blocked(record.entry) }
      if let ip, let record = state.blocklist.match(ip: ip, now: now) { return .blocked(record.entry) }
      return self.policy == .allowlist && !state.members.contains(peer) ? .notMember : nil
    }
  }

  /// Whether `peer` is in the address book.
  package func isMember(_ peer: PeerID) -> Bool { self.state.withLock { $0.members.contains(peer) } }

  func admit(_ peer: PeerID) { self.state.withLock { _ = $0.members.insert(peer) } }
  func dismiss(_ peer: PeerID) { self.state.withLock { _ = $0.members.remove(peer) } }

  // MARK: Blocklist

  var blocklist: [Blocklist.Record] { self.state.withLock { $0.blocklist.entries } }

  /// True when the entry is new.
  func block(_ entry: BlockEntry, expiresAt: Int64?, reason: String?, now: Int64) throws(BlockEntryError) -> Bool {
    let result: Result<Bool, BlockEntryError> = self.state.withLock { state in
      Result { () throws(BlockEntryError) in
        try state.blocklist.put(entry, expiresAt: expiresAt, reason: reason, now: now)
      }
    }
    return try result.get()
  }

  /// False when it was not there.
  func unblock(_ entry: BlockEntry) -> Bool { self.state.withLock { $0.blocklist.remove(entry) } }

  /// Takes out what has ended.
  func expire(now: Int64) -> [BlockEntry] {
    self.state.withLock { state in
      guard let next = state.blocklist.nextExpiry, next <= now else { return [] }
      return state.blocklist.expire(now: now)
    }
  }
}
