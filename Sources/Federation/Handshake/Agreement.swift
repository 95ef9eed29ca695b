package import P2PCore

/// What the two sides of a session agreed on.
package struct Agreement: Sendable, Hashable {
  package let version: SemanticVersion
  package let network: String
  /// Those in common, sorted.
  package let capabilities: [String]
  /// The remote's software and version, foreign text without control characters.
  package let agent: String
  /// Largest frame that the remote accepts, and that we do, bytes.
  package let sendLimit: Int
  package let receiveLimit: Int
  /// When it was agreed, our clock, milliseconds since the Unix epoch.
  package let sinceMilliseconds: UInt64
  /// Measured by the handshake; nil at the responder and where the remote's times make no sense.
  package let clock: ClockOffset.Sample?
}
