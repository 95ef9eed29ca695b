/// What this node and a peer have agreed on in the protocol that makes a connection count.
package struct PeerAgreement: Sendable, Hashable {
  /// `1.0.0`
  package var version: String
  package var network: String
  /// Those in common.
  package var capabilities: [String]
  /// As the peer calls itself there.
  package var agent: String
  /// Largest frame that the peer accepts, bytes.
  package var frameLimit: Int
  /// The peer's clock minus ours, milliseconds; nil until it was measured.
  package var clockOffset: Int64?
  /// Milliseconds since the Unix epoch.
  package var since: Int64

  package init(
    version: String, network: String, capabilities: [String], agent: String, frameLimit: Int, clockOffset: Int64?,
    since: Int64
  ) {
    self.version = version
    self.network = network
    self.capabilities = capabilities
    self.agent = agent
    self.frameLimit = frameLimit
    self.clockOffset = clockOffset
    self.since = since
  }
}

/// Why this node and a peer did not agree.
package struct PeerAgreementFailure: Sendable, Hashable {
  package enum Side: String, Sendable, Hashable { case local, remote }

  /// A stable word: `network_mismatch`, …
  package var code: String
  /// For people.
  package var detail: String
  /// Who refused.
  package var by: Side
  /// Nothing changes until somebody changes something: the peer is `failed`, and retried at the slow end.
  package var isPermanent: Bool
  /// Milliseconds since the Unix epoch.
  package var at: Int64

  package init(code: String, detail: String, by: Side, isPermanent: Bool, at: Int64) {
    self.code = code
    self.detail = detail
    self.by = by
    self.isPermanent = isPermanent
    self.at = at
  }
}
