internal import P2PCore
package import P2PHost

/// That one side refused the other, and why.
package struct Rejection: Error, Sendable, Hashable, CustomStringConvertible {
  /// The raw value is the API's word.
  package enum Side: String, Sendable, Hashable {
    case local
    case remote
  }

  package var code: RejectCode
  /// A sentence for people.
  package var reason: String
  /// Who refused.
  package var by: Side

  package init(_ code: RejectCode, _ reason: String? = nil, by side: Side = .local) {
    self.code = code
    self.reason = reason ?? code.sentence
    self.by = side
  }

  /// What the remote told us.
  init(_ reject: Reject) {
    self.init(reject.code, reject.reason.isEmpty ? nil : reject.reason, by: .remote)
  }

  /// What a fault of the remote while the frames of a handshake are read comes to; nil where it only left. `hello`
  /// where the frame that was waited for is the Hello.
  package init?(_ error: ProtocolStreamError, awaitingHello hello: Bool) {
    switch error {
    case .stream: return nil
    case .notNegotiated: self.init(.noCommonVersion, "\(error)")
    case .messageTooLong: self.init(hello ? .helloTooLarge : .malformed, hello ? nil : "\(error)")
    case .unexpectedEnd, .violation, .frameTooLong: self.init(.malformed, "\(error)")
    }
  }

  package var description: String {
    "\(self.code) (\(self.by == .local ? "refused here" : "refused by the remote")): \(self.reason)"
  }

  /// The frame that tells the remote.
  package var frame: [UInt8] {
    return Message.reject(Reject(code: self.code, reason: FieldRules.cut(reason: self.reason))).frame
  }
}
