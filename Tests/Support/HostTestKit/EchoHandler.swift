import P2PCore
import P2PHost

/// Sends back every message: a protocol handler of tutorial size.
///
/// A message is its length as a varint and so many bytes, which is what `readMessage` reads and `VarintFramer.frame`
/// makes. The node has negotiated before `handle` is called, and whatever goes wrong in there ends this one stream.
struct EchoHandler: ProtocolHandler {
  /// What is served, with the ids `example/echo/v1.1.0` and `example/echo/v1.0.0`. Peers find them by identify, and one
  /// that proposes `v1.0.4` is served as well: patches say nothing.
  static let versions = VersionedProtocol(
    name: "example/echo",
    versions: [
      SemanticVersion(major: 1, minor: 0, patch: 0), SemanticVersion(major: 1, minor: 1, patch: 0),
    ])

  /// Of one message, bytes. Whatever a remote can make large has a limit.
  static let messageSizeMax = 4_096

  let serves = ServedProtocol.versions(versions)

  /// How much of it a remote may have. All of it is optional; without limits of its own a protocol has the node's.
  let options = ProtocolOptions(
    limits: ProtocolLimits(
      streamsPerPeer: 8, streamsPerSecondPerPeer: 100, firstByteTime: .seconds(10), lifetime: .seconds(3_600)))

  /// One call per stream. `peer.id` is who opened it, proven by TLS, and `peer.protocolID` what was agreed on.
  func handle(_ stream: ProtocolStream, from peer: RemotePeer) async throws {
    // Nil when the remote has finished: then this returns, and our side is finished for us.
    while let message = try await stream.readMessage(maximum: Self.messageSizeMax) {
      // Waits while the remote does not read. What is thrown here or above resets the stream with a fitting code.
      try await stream.write(VarintFramer.frame(message))
    }
  }
}
