internal import P2PCore

/// Requests per second of each client: each has an allowance that refills. Time is a parameter, of any clock that never
/// goes back.
struct RateLimit: Sendable {
  /// Clients that are remembered; while all of them have used of their allowance, further ones share one.
  static let clientsMax = 1_024
  /// How many seconds' worth of requests may come at once.
  static let burstSeconds = 2.0

  private struct Allowance {
    /// Requests that may come now.
    var rest: Double
    var at: Duration
  }

  /// Nil: no limit.
  var perSecond: Int?
  private var allowances: [String: Allowance] = [:]
  private var others: Allowance?

  init(perSecond: Int?) { self.perSecond = perSecond }

  var count: Int { self.allowances.count }

  /// Nil when a request of `client` may be answered, otherwise after how many seconds one may.
  mutating func admit(_ client: String, at now: Duration) -> Int? {
    guard let perSecond = self.perSecond.map(Double.init), perSecond > 0 else { return nil }
    if self.allowances[client] == nil, self.allowances.count >= Self.clientsMax {
      self.allowances = self.allowances.filter {
        Self.refilled($0.value, perSecond, now) < perSecond * Self.burstSeconds
      }
      guard self.allowances.count < Self.clientsMax else { return Self.admit(&self.others, perSecond, now) }
    }
    return Self.admit(&self.allowances[client], perSecond, now)
  }

  private static func admit(_ allowance: inout Allowance?, _ perSecond: Double, _ now: Duration) -> Int? {
    let rest = allowance.map { Self.refilled($0, perSecond, now) } ?? perSecond * Self.burstSeconds
    guard rest >= 1 else {
      allowance = Allowance(rest: rest, at: now)
      return max(1, Int(((1 - rest) / perSecond).rounded(.up)))
    }
    allowance = Allowance(rest: rest - 1, at: now)
    return nil
  }

  private static func refilled(_ allowance: Allowance, _ perSecond: Double, _ now: Duration) -> Double {
    min(perSecond * Self.burstSeconds, allowance.rest + (now - allowance.at) / .seconds(1) * perSecond)
  }

  /// Who is counted together: an IPv4 address, an IPv6 network of 64 bits, a user of this machine.
  static func client(_ remoteAddress: String) -> String {
    do {
      let address = try IPEndpoint(remoteAddress).address
      return (address.count == 4 ? address[...] : address.prefix(8)).map { String($0, radix: 16) }.joined(
        separator: ":")
    } catch {
      return remoteAddress
    }
  }
}
