package import P2PCore

/// Why a protocol could not go on with its stream.
package enum ProtocolStreamError: StreamCodeError, Sendable, Hashable, CustomStringConvertible {
  case stream(StreamError)
  /// The two ends found no common protocol, or the remote does not speak multistream-select; in words.
  case notNegotiated(String)
  /// The remote finished in the middle of something.
  case unexpectedEnd
  /// The remote announced a message above our limit, in bytes.
  case messageTooLong(limit: Int)
  /// A frame of ours above what the remote takes, in bytes.
  case frameTooLong(size: Int, limit: Int)
  /// The remote broke the protocol; in words.
  case violation(String)

  package var description: String {
    switch self {
    case .stream(.reset(let code)): "the remote reset the stream (code 0x\(String(code, radix: 16)))"
    case .stream(.resetLocally): "the stream was reset by this node"
    case .stream(.connectionClosed(let why)): "the connection is gone: \(why)"
    case .stream(.cancelled): "cancelled"
    case .stream(.finished): "the stream was finished already"
    case .notNegotiated(let why): "no protocol agreed: \(why)"
    case .unexpectedEnd: "the remote finished in the middle of a message"
    case .messageTooLong(let limit): "the remote announced a message of more than \(limit) bytes"
    case .frameTooLong(let size, let limit): "a frame of \(size) bytes, but the remote takes at most \(limit)"
    case .violation(let what): "the remote broke the protocol: \(what)"
    }
  }

  /// The remote's doing, and not only its leaving.
  var isViolation: Bool {
    switch self {
    case .stream, .frameTooLong: false
    case .notNegotiated, .unexpectedEnd, .messageTooLong, .violation: true
    }
  }

  /// The code to reset the stream with (libp2p specs: error-codes).
  package var streamCode: UInt64 {
    switch self {
    case .stream: StreamCode.none
    case .notNegotiated: StreamCode.protocolNegotiationFailed
    case .unexpectedEnd, .violation: StreamCode.protocolViolation
    case .messageTooLong, .frameTooLong: StreamCode.resourceLimitExceeded
    }
  }
}
