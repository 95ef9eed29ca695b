package import P2PCore

/// Who a host is and how much it takes on.
package struct HostConfiguration: Sendable {
  package var localPeer: PeerID
  package var publicKey: PublicKey
  /// `fednode/1.2.3`
  package var agentVersion: String
  /// The federation's name: shown, and spoken by a protocol above.
  package var network: String?
  /// Told to peers instead of what was found; empty for the latter.
  package var announceAddresses: [Multiaddr] = []
  /// Serve `/perf/1.0.0`: anyone may then make this node send.
  package var servesPerf = false
  /// A dial that names no time of its own.
  package var connectionTimeout: Duration = .seconds(10)
  package var limits = HostLimits()
  package var policy = Gate.Policy.open
  package var dialFilter = DialFilter()
  /// Of pinned peers.
  package var backoff = BackoffPolicy()
  package var probe = ProbePolicy()
  /// Pinned peers that must be connected for the node to be ready; nil: 75 % of them.
  package var connectedPeersMin: Int?
  /// A pinned peer counts for readiness when a protocol has agreed with it (`Host.agreed`), not when it is connected.
  package var countsAgreements = false

  package init(localPeer: PeerID, publicKey: PublicKey, agentVersion: String) {
    self.localPeer = localPeer
    self.publicKey = publicKey
    self.agentVersion = agentVersion
  }
}

/// How the host finds out that a peer is there no more although its connection stands.
package struct ProbePolicy: Sendable, Hashable {
  /// Between two pings of one connection; nil: none.
  package var interval: Duration? = .seconds(15)
  /// Pings without an answer, one behind the other, after which a connection is given up.
  package var missesMax = 3

  package init() {}
}

package struct HostLimits: Sendable {
  /// Live connections. Further inbound ones are closed with `resourceLimitExceeded`, further dials end with
  /// `limit_exceeded`; dials under way count as connections. 0: no limit.
  package var connections = ConnectionLimits(
    total: 4_096, inbound: 0, outbound: 0, perPeer: 8, perIP: 0, perSubnet: 0)
  /// Above the high water, the least valuable connections are closed until the low water is reached; nil: never.
  package var water: ClosedRange<Int>?
  /// Inbound.
  package var streams = StreamLimits()
  /// Known peers; beyond it the disconnected ones that were unseen longest are forgotten, never those of the address
  /// book.
  package var peersMax = 16_384
  /// Peers of the address book.
  package var bookMax = 4_096
  /// Addresses of one peer; beyond it those that never worked go first.
  package var addressesPerPeerMax = 32
  /// Addresses of one dial, resolved; the rest is skipped.
  package var dialAddressesMax = 100
  /// Attempts of one dial that run at a time.
  package var dialParallelMax = 8
  /// Attempts of all dials that run at a time; further ones wait.
  package var attemptsMax = 160
  /// How long a graceful close waits for the streams of its connection.
  package var closeGrace: Duration = .seconds(5)
  /// How long a peer has to answer an identify request.
  package var identifyTimeout: Duration = .seconds(10)

  package init() {}
}
