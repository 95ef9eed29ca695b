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

  /// - Parameter addresses: none for a node that only dials.
  init(identity: IdentityKey, addresses: [Multiaddr], configuration: Configuration) throws {
    var quic = QUICConfiguration()
    quic.congestionControl = configuration.congestionControl == .bbr ? .bbr : .cubic
    quic.idleTimeout = configuration.idleTimeout
    quic.keepAlive = configuration.keepAlive
    quic.handshakeTimeout = configuration.connectionTimeout
    quic.handshakesMax = configuration.handshakesMax == 0 ? .max : configuration.handshakesMax
    quic.streamsPerConnection =
      configuration.streamsPerConnectionMax == 0 ? 1 << 20 : configuration.streamsPerConnectionMax
    self.transport = try QUICTransport(identity: identity, addresses: addresses, configuration: quic)
    var host = HostConfiguration(
      localPeer: identity.peerID, publicKey: identity.publicKey, agentVersion: Version.agent)
    host.announceAddresses = configuration.announce
    host.servesPerf = configuration.perfEnabled
    host.connectionTimeout = configuration.connectionTimeout
    self.host = Host(
      configuration: host, transport: self.transport, events: EventLog(bootID: Self.bootID()),
      clock: .system(wall: { Self.wallMilliseconds() }),
      resolve: { try await SystemResolver.resolve($0, $1) },
      interfaces: { interfaceAddresses().map { IPEndpoint(address: $0.address, port: 0) } })
  }

  func stop(timeout: Duration) async {
    await self.host.shutdown(timeout: timeout)
    self.transport.stop()
  }

  private static func bootID() -> String {
    randomBytes(6).map { byte in
      let hex = String(byte, radix: 16)
      return byte < 16 ? "0" + hex : hex
    }.joined()
  }

  private static func wallMilliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
  }
}
