package import P2PCore

/// Names, versions, limits and times of `vtcp/btc-foundation`; PROTOCOL.md says where each counts.
package enum FederationProtocol {
  /// Without a slash at its start.
  package static let name = "vtcp/btc-foundation"
  /// What this node speaks.
  package static let spoken = VersionedProtocol(
    name: name, versions: [SemanticVersion(major: 1, minor: 0, patch: 0)])

  /// Largest frame with a Hello, an Accept or a Reject, bytes.
  package static let handshakeFrameMax = 4_096
  /// What a side may say that it accepts, bytes. More is cut to the upper bound.
  package static let frameLimitMin = 4_096
  package static let frameLimitMax = 16 << 20
  package static let frameLimitDefault = 1 << 20

  /// From the negotiation to the whole hello, and from the hello to the whole answer.
  package static let handshakeTimeout: Duration = .seconds(5)
  /// What a side that was rejected has to end the stream before it is reset.
  package static let rejectedTimeout: Duration = .seconds(1)

  package static let keepAliveInterval: Duration = .seconds(20)
  package static let keepAliveReplyTimeout: Duration = .seconds(10)
  /// Keep-alives without a reply, one after the other, that end a session.
  package static let keepAliveMissesMax = 2
}
