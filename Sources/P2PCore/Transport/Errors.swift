/// Why a dial failed; the raw value is the contract's word.
package enum DialErrorClass: String, Sendable, Hashable, CaseIterable {
  case invalidAddress = "invalid_address"
  case unsupportedTransport = "unsupported_transport"
  case dnsFailure = "dns_failure"
  case noRoute = "no_route"
  case refused
  case timeout
  case handshakeFailed = "handshake_failed"
  case peerIDMismatch = "peer_id_mismatch"
  case blocked
  case limitExceeded = "limit_exceeded"
  case protocolMismatch = "protocol_mismatch"
  case selfDial = "self_dial"
  case backoff
  case cancelled
  case shuttingDown = "shutting_down"
}

package struct DialError: Error, Sendable, Hashable, CustomStringConvertible {
  package var `class`: DialErrorClass
  /// A sentence for people: what happened and, where known, the remote's own words.
  package var detail: String
  /// True when a later try may succeed with nothing changed.
  package var temporary: Bool

  package init(_ class: DialErrorClass, _ detail: String, temporary: Bool) {
    self.class = `class`
    self.detail = detail
    self.temporary = temporary
  }

  package var description: String { "\(self.class.rawValue): \(self.detail)" }
}

/// Why and how a connection ended.
package struct CloseReason: Sendable, Hashable {
  package enum Initiator: String, Sendable, Hashable {
    case local
    case remote
    /// Nobody said a word: idle timeout, stateless reset, transport failure.
    case none
  }

  /// A stable word: `closed_by_peer`, `closed_locally`, `idle_timeout`, `stateless_reset`, `transport_error`,
  /// `handshake_failed`, `shutting_down`, …
  package var reason: String
  package var initiator: Initiator
  /// Application or transport error code, as `isApplicationCode` says.
  package var code: UInt64?
  package var isApplicationCode: Bool
  /// The remote's or the library's own words.
  package var detail: String?
  /// One side will have nothing to do with the other until somebody changes something.
  package var isRefusal: Bool

  package init(
    _ reason: String, initiator: Initiator, code: UInt64? = nil, isApplicationCode: Bool = false, detail: String? = nil
  ) {
    self.reason = reason
    self.initiator = initiator
    self.code = code
    self.isApplicationCode = isApplicationCode
    self.detail = detail
    self.isRefusal = initiator == .remote && isApplicationCode && code == ConnectionCode.gated
  }

  /// What was connected is `failed` from then on, not `idle`.
  package var isFailure: Bool { self.initiator == .none || self.isRefusal }
}

extension DialError {
  /// A dial whose remote closed the connection with an application code, during the handshake or right behind it:
  /// to whoever dials it is the same.
  package init(closedBy code: UInt64, saying words: String?) {
    let said = words.map { ": \"\($0)\"" } ?? ""
    let hex = "0x" + String(code, radix: 16)
    switch code {
    case ConnectionCode.gated:
      self.init(.blocked, "the remote's policy refuses us (code \(hex))\(said)", temporary: false)
    case ConnectionCode.resourceLimitExceeded, ConnectionCode.rateLimited:
      self.init(.limitExceeded, "the remote has reached a limit (code \(hex))\(said)", temporary: true)
    default:
      self.init(.handshakeFailed, "the remote closed the connection (code \(hex))\(said)", temporary: true)
    }
  }
}

/// Application codes that close a connection (libp2p specs: error-codes).
package enum ConnectionCode {
  package static let none: UInt64 = 0
  package static let protocolNegotiationFailed: UInt64 = 0x1000
  package static let resourceLimitExceeded: UInt64 = 0x1001
  package static let rateLimited: UInt64 = 0x1002
  package static let protocolViolation: UInt64 = 0x1003
  package static let supplanted: UInt64 = 0x1004
  package static let garbageCollected: UInt64 = 0x1005
  package static let shutdown: UInt64 = 0x1006
  package static let gated: UInt64 = 0x1007
}

/// Application codes that reset a stream (libp2p specs: error-codes).
package enum StreamCode {
  package static let none: UInt64 = 0
  package static let protocolNegotiationFailed: UInt64 = 0x1001
  package static let resourceLimitExceeded: UInt64 = 0x1002
  package static let rateLimited: UInt64 = 0x1003
  package static let protocolViolation: UInt64 = 0x1004
  package static let supplanted: UInt64 = 0x1005
  package static let garbageCollected: UInt64 = 0x1006
  package static let shutdown: UInt64 = 0x1007
  package static let gated: UInt64 = 0x1008

  /// For metrics and lists; every code that has no name of its own is the last.
  package static let names = [
    "none", "protocol_negotiation_failed", "resource_limit_exceeded", "rate_limited", "protocol_violation",
    "supplanted", "garbage_collected", "shutdown", "gated", "other",
  ]

  /// Of the name of `code` in `names`.
  package static func index(of code: UInt64) -> Int {
    switch code {
    case Self.none: 0
    case Self.protocolNegotiationFailed...Self.gated: Int(code - Self.protocolNegotiationFailed) + 1
    default: Self.names.count - 1
    }
  }
}
