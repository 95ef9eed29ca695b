/// Peers and networks that are refused, some of them for a time only. Times are milliseconds since the Unix epoch.
package struct Blocklist: Sendable {
  /// Most entries; further ones are refused.
  package static let countMaximum = 4_096
  /// Longest reason, bytes.
  package static let reasonSizeMaximum = 256

  package struct Record: Sendable, Hashable {
    package let entry: BlockEntry
    package let createdAt: Int64
    /// Nil: for good.
    package let expiresAt: Int64?
    /// The operator's words.
    package let reason: String?

    package init(entry: BlockEntry, createdAt: Int64, expiresAt: Int64?, reason: String?) {
      self.entry = entry
      self.createdAt = createdAt
      self.expiresAt = expiresAt
      self.reason = reason
    }

    /// From `expiresAt` on it refuses nobody.
    func isInForce(_ now: Int64) -> Bool { self.expiresAt.map { now < $0 } ?? true }
  }

  private var records: [BlockEntry: Record] = [:]
  private var expiries = RetryQueue<BlockEntry>()
  /// How many networks of each prefix length there are: an address is looked up once for each length in use.
  private var lengthsIPv4: [Int: Int] = [:]
  private var lengthsIPv6: [Int: Int] = [:]

  package init() {}

  package var count: Int { self.records.count }

  /// All, in the order of entries.
  package var entries: [Record] { self.records.values.sorted { $0.entry < $1.entry } }

  package subscript(entry: BlockEntry) -> Record? { self.records[entry] }

  /// When `expire` has something to do next.
  package var nextExpiry: Int64? {
    self.expiries.next.map { $0.components.seconds * 1_000 + $0.components.attoseconds / 1_000_000_000_000_000 }
  }

  /// Adds `entry`, or changes when it ends and why it is there. True when it is new.
  package mutating func put(
    _ entry: BlockEntry, expiresAt: Int64?, reason: String?, now: Int64
  ) throws(BlockEntryError) -> Bool {
    if let expiresAt, expiresAt <= now {
      throw BlockEntryError("\(entry) would end in the past; expires_at is a time to come, or left out for good")
    }
    if let reason, reason.utf8.count > Self.reasonSizeMaximum {
      throw BlockEntryError("the reason for \(entry) is longer than \(Self.reasonSizeMaximum) bytes")
    }
    let known = self.records[entry]
    guard known != nil || self.records.count < Self.countMaximum else {
      throw BlockEntryError("the blocklist is full with \(Self.countMaximum) entries; remove one or block a network")
    }
    self.records[entry] = Record(
      entry: entry, createdAt: known?.createdAt ?? now, expiresAt: expiresAt, reason: reason)
    if let expiresAt {
      self.expiries.set(entry, at: .milliseconds(expiresAt))
    } else {
      self.expiries.remove(entry)
    }
    if known == nil { self.count(entry, 1) }
    return known == nil
  }

  /// False when it is not there.
  package mutating func remove(_ entry: BlockEntry) -> Bool {
    guard self.records.removeValue(forKey: entry) != nil else { return false }
    self.expiries.remove(entry)
    self.count(entry, -1)
    return true
  }

  /// Takes out what has ended, the earliest first.
  package mutating func expire(now: Int64) -> [BlockEntry] {
    let ended = self.expiries.popDue(now: .milliseconds(now), atMost: Self.countMaximum)
    for entry in ended {
      self.records[entry] = nil
      self.count(entry, -1)
    }
    return ended
  }

  /// The entry that refuses `peer`.
  package func match(peer: PeerID, now: Int64) -> Record? { self.inForce(.peer(peer), now) }

  /// The narrowest entry that refuses `ip`, 4 or 16 bytes; IPv4 in IPv6 form is matched as IPv4.
  package func match(ip: [UInt8], now: Int64) -> Record? {
    let address = IPEndpoint.unmapped(ip)
    guard address.count == 4 || address.count == 16 else { return nil }
    let lengths = address.count == 4 ? self.lengthsIPv4 : self.lengthsIPv6
    for length in lengths.keys.sorted(by: >) {
      let network = IPNetwork(of: address, prefixLength: length)
      if let record = self.inForce(.network(network), now) { return record }
    }
    return nil
  }

  private func inForce(_ entry: BlockEntry, _ now: Int64) -> Record? {
    guard let record = self.records[entry], record.isInForce(now) else { return nil }
    return record
  }

  private mutating func count(_ entry: BlockEntry, _ step: Int) {
    guard case .network(let network) = entry else { return }
    func add(to lengths: inout [Int: Int]) {
      let count = (lengths[network.prefixLength] ?? 0) + step
      lengths[network.prefixLength] = count == 0 ? nil : count
    }
    if network.isIPv6 { add(to: &self.lengthsIPv6) } else { add(to: &self.lengthsIPv4) }
  }
}
