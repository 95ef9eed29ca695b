internal import P2PCore

/// What this node tells peers about itself, worked out anew for each that asks.
final class LocalProfile: Sendable {
  /// Addresses told to peers.
  static let addressesMax = 32
  /// rust-libp2p refuses an identify message of more than 4,096 bytes.
  static let messageSizeMax = 4_000

  private let configuration: HostConfiguration
  private let transport: any Transport
  private let router: ProtocolRouter
  private let interfaces: InterfaceLister

  init(
    configuration: HostConfiguration, transport: any Transport, router: ProtocolRouter,
    interfaces: @escaping InterfaceLister
  ) {
    self.configuration = configuration
    self.transport = transport
    self.router = router
    self.interfaces = interfaces
  }

  /// What is configured to be announced, or else the listen addresses, wildcards replaced by the addresses of the
  /// interfaces. Those of loopback only for somebody there: elsewhere they lead to another node.
  func addresses(forLoopback isLoopback: Bool = true) -> [Multiaddr] {
    let announced = self.configuration.announceAddresses
    if !announced.isEmpty { return Array(announced.prefix(Self.addressesMax)) }
    var found: [Multiaddr] = []
    var interfaces: [IPEndpoint]?
    for address in self.transport.listenAddresses {
      guard let endpoint = Self.endpoint(of: address), endpoint.address.allSatisfy({ $0 == 0 }) else {
        found.append(address)
        continue
      }
      let known = interfaces ?? self.interfaces()
      interfaces = known
      for interface in known where interface.isIPv6 == endpoint.isIPv6 && !Self.isLinkLocal(interface) {
        found.append(Multiaddr(quic: IPEndpoint(address: interface.address, port: endpoint.port)))
      }
    }
    var seen: Set<Multiaddr> = []
    return Array(
      found.filter { seen.insert($0).inserted && (isLoopback || !$0.isLoopback) }.prefix(Self.addressesMax))
  }

  /// For a peer whose connection comes from `remote`. Leaves out addresses where it would get too long.
  ///
  /// - Parameter isPush: it does not say where we see the peer.
  func message(to remote: Multiaddr, isPush: Bool = false) -> IdentifyMessage {
    var message = IdentifyMessage()
    message.protocolVersion = IdentifyMessage.protocolVersion
    message.agentVersion = self.configuration.agentVersion
    message.publicKey = self.configuration.publicKey.protobuf
    message.listenAddresses = self.addresses(forLoopback: remote.isLoopback)
    message.observedAddress = isPush ? nil : remote
    message.protocols = self.router.protocolIDs
    while message.protobuf.count > Self.messageSizeMax, !message.listenAddresses.isEmpty {
      message.listenAddresses.removeLast()
    }
    return message
  }

  private static func endpoint(of address: Multiaddr) -> IPEndpoint? {
    do {
      return try address.listenTarget()
    } catch {
      return nil
    }
  }

  /// fe80::/10 and 169.254.0.0/16 mean nothing to others (RFC 4291 §2.5.6, RFC 3927).
  private static func isLinkLocal(_ endpoint: IPEndpoint) -> Bool {
    if endpoint.isIPv6 { return endpoint.address[0] == 0xfe && endpoint.address[1] & 0xc0 == 0x80 }
    return endpoint.address.starts(with: [169, 254])
  }
}
