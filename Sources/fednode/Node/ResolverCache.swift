internal import P2PCore

/// Addresses of names for as long as DNS says (RFC 1035 §3.2.1).
struct ResolverCache: Sendable {
  static let namesMax = 1_024
  /// However long the TTL is.
  static let keptMax: Duration = .seconds(3_600)

  private struct Key: Hashable {
    let name: String
    let family: QUICTarget.NameFamily
  }

  private struct Answer {
    let addresses: [[UInt8]]
    let expiry: Duration
  }

  private var answers: [Key: Answer] = [:]

  var count: Int { self.answers.count }

  /// Nil when they must be asked for.
  func addresses(of name: String, _ family: QUICTarget.NameFamily, now: Duration) -> [[UInt8]]? {
    guard let answer = self.answers[Key(name: name, family: family)], answer.expiry > now else { return nil }
    return answer.addresses
  }

  /// Keeps `addresses` for `ttl` seconds. When there is no room, what has expired goes, and else everything.
  mutating func keep(
    _ addresses: [[UInt8]], of name: String, _ family: QUICTarget.NameFamily, ttl: Int, now: Duration
  ) {
    guard ttl > 0 else { return }
    if self.answers.count >= Self.namesMax { self.answers = self.answers.filter { $0.value.expiry > now } }
    if self.answers.count >= Self.namesMax { self.answers.removeAll() }
    self.answers[Key(name: name, family: family)] = Answer(
      addresses: addresses, expiry: now + min(.seconds(ttl), Self.keptMax))
  }
}
