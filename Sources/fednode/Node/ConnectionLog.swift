internal import Logging
internal import P2PHost

/// What happens to connections, for the log: one line a minute at most for each peer that comes and goes or cannot be
/// reached, for each address whose connections are refused, for each limit that is reached, and for what is agreed with
/// each peer, or not.
enum ConnectionLog {
  /// Answers what ends it.
  static func start(_ events: EventLog) -> @Sendable () -> Void {
    let log = RateLimitedLog(Logger(subsystem: "connections"))
    return events.subscribe { event in
      switch event.type {
      case "connection.state_changed": Self.changed(event, log)
      case "peer.refused": Self.refused(event, log)
      case "dial.ended": Self.dialled(event, log)
      case "limit.reached":
        log.log(.warning, key: "limit \(Self.text("scope", of: event))", "a limit was reached", Self.texts(event))
      case "connection.unhealthy":
        let peer = event.peerID.map { "\($0)" } ?? ""
        log.log(
          .notice, key: "\(peer) unhealthy", "a connection is given up", [("peer", peer)] + Self.texts(event))
      case "federation.agreed", "federation.rejected", "federation.ended", "peer.clock_skew":
        Self.agreement(event, log)
      default: break
      }
    }
  }

  private static func agreement(_ event: NodeEvent, _ log: RateLimitedLog) {
    let peer = event.peerID.map { "\($0)" } ?? ""
    let words: (level: LogLevel, text: String) =
      switch event.type {
      case "federation.agreed": (.info, "agreed with a member")
      case "federation.ended": (.info, "the agreement with a member is over")
      case "peer.clock_skew": (.warning, "a peer's clock differs from this node's; mend: run NTP on both")
      default: (.warning, "no agreement with a peer")
      }
    let numbers: [(String, String)] = event.fields.compactMap { name, value in
      if case .int(let number) = value { (name, String(number)) } else { nil }
    }
    log.log(words.level, key: "\(peer) \(event.type)", words.text, [("peer", peer)] + Self.texts(event) + numbers)
  }

  private static func changed(_ event: NodeEvent, _ log: RateLimitedLog) {
    let peer = event.peerID.map { "\($0)" } ?? ""
    let fields = [("peer", peer)] + Self.texts(event).filter { $0.0 != "to" }
    switch Self.text("to", of: event) {
    case "connected": log.log(.info, key: "\(peer) up", "connected", fields)
    case "idle", "failed": log.log(.info, key: "\(peer) down", "disconnected", fields)
    default: break
    }
  }

  private static func dialled(_ event: NodeEvent, _ log: RateLimitedLog) {
    guard case .object(let error)? = event.fields.first(where: { $0.0 == "error" })?.1 else { return }
    let fields: [(String, String)] = error.compactMap { name, value in
      if case .string(let text) = value { (name, text) } else { nil }
    }
    // Given up by whoever asked for it.
    if fields.contains(where: { $0 == ("class", "cancelled") }) { return }
    let peer = event.peerID.map { [("peer", "\($0)")] } ?? []
    log.log(.notice, key: "\(peer) dial", "a peer could not be reached", peer + fields)
  }

  private static func refused(_ event: NodeEvent, _ log: RateLimitedLog) {
    // By address and without the port: a stranger has as many keys and ports as it likes.
    let address = Self.text("remote_address", of: event).split(separator: "/").prefix { $0 != "udp" }
    log.log(
      .notice, key: "\(address.joined(separator: "/")) refused", "an inbound connection was refused",
      (event.peerID.map { [("peer", "\($0)")] } ?? []) + Self.texts(event))
  }

  /// The members that are texts.
  private static func texts(_ event: NodeEvent) -> [(String, String)] {
    event.fields.compactMap { name, value in
      if case .string(let text) = value { (name, text) } else { nil }
    }
  }

  private static func text(_ name: String, of event: NodeEvent) -> String {
    Self.texts(event).first { $0.0 == name }?.1 ?? ""
  }
}
