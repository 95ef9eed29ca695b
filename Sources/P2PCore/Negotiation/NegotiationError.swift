/// Why no protocol was agreed on for a stream (multiformats: multistream-select 1.0).
package enum NegotiationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The remote took none of these.
  case unsupported([String])
  /// A line longer than `Multistream.lineSizeMaximum`.
  case tooLong
  /// More than `Multistream.proposalsMaximum` proposals.
  case tooManyProposals
  /// Bytes that are not multistream-select; the text says what.
  case malformed(String)

  package var description: String {
    switch self {
    case .unsupported(let protocols): "the remote supports none of \(protocols.joined(separator: ", "))"
    case .tooLong: "the remote sent a negotiation line of more than \(Multistream.lineSizeMaximum) bytes"
    case .tooManyProposals: "the remote proposed more than \(Multistream.proposalsMaximum) protocols"
    case .malformed(let what): "the remote does not speak multistream-select: \(what)"
    }
  }
}
