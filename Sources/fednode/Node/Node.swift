internal import Federation
internal import Glibc
internal import GnuTLS
internal import LinuxIO
internal import P2PCore
internal import P2PHost
internal import QUIC

/// A transport and a host on it: what `run` and the one-shot tools have in common.
struct Node: Sendable {
  let transport: QUICTransport
  let host: Host
  /// Nil for a one-shot tool.
  let federation: Federation?

  /// - Parameter addresses: none for a node that only dials.
  /// - Parameter store: keeps the address book; nil for a one-shot tool, which keeps nothing.
  init(
    identity: IdentityKey, addresses: [Multiaddr], configuration: Configuration, store: PeerStore? = nil
  ) throws {
    var quic = QUICConfiguration()
    quic.congestionControl = configuration.congestionControl == .bbr ? .bbr : .cubic
    quic.idleTimeout = configuration.idleTimeout
    quic.keepAlive = configuration.keepAlive
    quic.handshakeTimeout = configuration.connectionTimeout
    quic.streamsPerConnection =
      configuration.streamsPerConnectionMax == 0 ? 1 << 20 : configuration.streamsPerConnectionMax
    let host = Self.hostConfiguration(identity, configuration)
    quic.connectionsMax = host.limits.connections.total == 0 ? .max : host.limits.connections.total + Self.spare
    quic.handshakesMax = Self.handshakesMax(configuration)
    // Never so little that a limit of connections cannot be reached.
    quic.buffersMax =
      configuration.buffersMax
      ?? max(
        quic.buffersMax, UInt64(host.limits.connections.total) * 2 * quic.connectionWindow)
    self.transport = try QUICTransport(
      identity: identity, addresses: addresses, interfaces: configuration.interfaces, configuration: quic)
    let resolver = Resolver(servers: configuration.dnsServers)
    var saveBook: BookSaver?
    if let store {
      // Detached: a task that waited for the host may find itself on the loop's thread, which must not wait for a disk.
      saveBook = { book in try await Task.detached { try await store.save(book) }.value }
    }
    let clock = HostClock.system(wall: { Self.wallMilliseconds() })
    self.host = Host(
      configuration: host, transport: self.transport, events: EventLog(bootID: Self.bootID()), clock: clock,
      services: HostServices(
        resolve: { try await resolver.addresses(of: $0, $1) },
        resolveText: { try await resolver.texts(of: $0) },
        interfaces: { Self.interfaces() },
        saveBook: saveBook))
    self.federation =
      store == nil
      ? nil
      : Federation(
        host: self.host,
        offer: try Offer(
          network: configuration.federationNetwork, agent: Version.agent, frameLimit: Int(configuration.frameMax)),
        clock: clock)
  }

  /// Serves from now on.
  func start() async throws {
    try await self.federation?.start()
    try await self.host.start()
  }

  /// At a start all members may come at once, each by IPv4 and IPv6.
  static func handshakesMax(_ configuration: Configuration) -> Int {
    let limit =
      configuration.handshakesMax ?? max(256, 2 * max(configuration.federationSize, configuration.peers.count))
    return limit == 0 ? .max : limit
  }

  private static func interfaces() -> [IPEndpoint] {
    do {
      return try InterfaceAddress.all().filter(\.isUp).map { IPEndpoint(address: $0.address.address, port: 0) }
    } catch {
      // For want of memory or descriptors: peers learn the addresses at the next occasion.
      return []
    }
  }

  /// Connections that the transport may hold beyond the host's limit, so that it is the host that refuses them: it
  /// knows who they are and says why.
  private static let spare = 64

  /// What of the configuration concerns the host.
  static func hostConfiguration(_ identity: IdentityKey, _ configuration: Configuration) -> HostConfiguration {
    var host = HostConfiguration(
      localPeer: identity.peerID, publicKey: identity.publicKey, agentVersion: Version.agent)
    host.network = configuration.federationNetwork
    host.announceAddresses = configuration.announce
    host.servesPerf = configuration.perfEnabled
    host.connectionTimeout = configuration.connectionTimeout
    host.policy = configuration.policy
    host.dialFilter.allowsPrivate = configuration.dialPrivate
    host.backoff.initial = configuration.backoffInitial
    host.backoff.maximum = configuration.backoffMax
    host.probe.interval = configuration.probeInterval
    host.probe.missesMax = configuration.probeMisses
    host.connectedPeersMin = configuration.connectedPeersMin
    host.countsAgreements = true
    var limits = ConnectionLimits.derived(
      fromFederationSize: max(configuration.federationSize, configuration.peers.count))
    limits.total = configuration.connectionsMax ?? limits.total
    limits.inbound = configuration.connectionsInboundMax ?? limits.inbound
    limits.outbound = configuration.connectionsOutboundMax ?? limits.outbound
    limits.perPeer = configuration.connectionsPerPeerMax
    limits.perIP = configuration.connectionsPerIPMax ?? limits.perIP
    limits.perSubnet = configuration.connectionsPerSubnetMax ?? limits.perSubnet
    host.limits.connections = limits
    host.limits.streams.total = configuration.streamsMax
    host.limits.streams.perPeer = configuration.streamsPerPeerMax
    host.limits.streams.perProtocol = configuration.streamsPerProtocolMax
    host.limits.closeGrace = configuration.drainTimeout
    let high = configuration.highWater ?? limits.total * 7 / 8
    if high > 0 { host.limits.water = min(configuration.lowWater ?? high * 3 / 4, high)...high }
    return host
  }

  /// Parts from everybody; the event loops go on until `transport.stop`.
  func shutdown(timeout: Duration) async {
    self.federation?.stop()
    await self.host.shutdown(timeout: timeout)
  }

  func stop(timeout: Duration) async {
    await self.shutdown(timeout: timeout)
    self.transport.stop()
  }

  private static func bootID() -> String {
    randomBytes(6).map { byte in
      let hex = String(byte, radix: 16)
      return byte < 16 ? "0" + hex : hex
    }.joined()
  }

  static func wallMilliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
  }
}
