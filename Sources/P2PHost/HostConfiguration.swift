package import P2PCore

/// Who a host is and how much it takes on.
package struct HostConfiguration: Sendable {
  package var localPeer: PeerID
  package var publicKey: PublicKey
  /// `fednode/1.2.3`
  package var agentVersion: String
  /// Told to peers instead of what was found; empty for the latter.
  package var announceAddresses: [Multiaddr] = []
  /// Serve `/perf/1.0.0`: anyone may then make this node send.
  package var servesPerf = false
  /// A dial that names no time of its own.
  package var connectionTimeout: Duration = .seconds(10)
  package var limits = HostLimits()

  package init(localPeer: PeerID, publicKey: PublicKey, agentVersion: String) {
    self.localPeer = localPeer
    self.publicKey = publicKey
    self.agentVersion = agentVersion
  }
}

package struct HostLimits: Sendable {
  /// Live connections and dials under way together. Further inbound ones are closed with
  /// `resourceLimitExceeded`, further dials end with `limit_exceeded`.
  package var connectionsMax = 4_096
  /// Live connections of one peer; further inbound ones are closed.
  package var connectionsPerPeerMax = 8
  /// Inbound streams of all connections together; further ones are reset with `resourceLimitExceeded`.
  package var streamsInboundMax = 65_536
  /// Known peers; beyond it the disconnected ones that were unseen longest are forgotten. Never taken as less than
  /// what `connectionsMax` needs.
  package var peersMax = 10_000
  /// Addresses of one peer; beyond it those that never worked go first.
  package var addressesPerPeerMax = 32
  /// Addresses of one dial, resolved; the rest is skipped.
  package var dialAddressesMax = 64
  /// Attempts of one dial that run at a time.
  package var dialParallelMax = 8
  /// Between the starts of two attempts of one dial, unless one fails sooner (RFC 8305 §5).
  package var dialStagger: Duration = .milliseconds(250)
  /// How long a graceful close waits for the streams of its connection.
  package var closeGrace: Duration = .seconds(2)
  /// How long a peer has to answer an identify request.
  package var identifyTimeout: Duration = .seconds(10)

  package init() {}
}

/// Resolves a name to IP addresses (4 or 16 bytes each, best first), off the event loop, within a reasonable time
/// of its own; throws when there is none, with words for people.
package typealias NameResolver = @Sendable (_ name: String, _ family: QUICTarget.NameFamily) async throws -> [[UInt8]]

/// The addresses of this machine's interfaces, ports ignored.
package typealias InterfaceLister = @Sendable () -> [IPEndpoint]
