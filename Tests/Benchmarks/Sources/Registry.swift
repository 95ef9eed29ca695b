import GnuTLS
import ManagementAPI
import P2PCore
import P2PHost
import QUIC

extension Benchmark {
  /// A node that knows `n` peers from its address book, with its API on a port of its own; says what they cost.
  /// Whoever measures sends it a crowd.
  static func registry(_ address: Multiaddr, _ n: Int, seconds: Int, _ quic: QUICConfiguration) async throws {
    let identity = try IdentityKey.generate(.ed25519)
    var configuration = HostConfiguration(
      localPeer: identity.peerID, publicKey: identity.publicKey, agentVersion: "registry")
    configuration.limits.connections = .unlimited
    let host = Host(
      configuration: configuration,
      transport: try QUICTransport(identity: identity, addresses: [address], configuration: quic),
      events: EventLog(bootID: "000000000000"), clock: .system(wall: { 1_800_000_000_000 }),
      services: HostServices(resolve: { _, _ in [] }, interfaces: { [] }))
    let before = residentKilobytes()
    // A few at a time, so that what is loaded from takes no room of its own.
    for first in stride(from: 0, to: n, by: 100) {
      await host.load((first..<min(first + 100, n)).map(Self.entry), blocks: [])
    }
    let each = Double(residentKilobytes() - before) / Double(max(1, n))
    try await host.start()
    let api = ManagementAPI(APIConfiguration(port: 0, version: "0"), node: host, eventLoopsTurn: { true })
    print("registry: api \(try api.start()), \(each) kB each")
    flushOutput()
    try await Task.sleep(for: .seconds(seconds))
  }

  /// Not pinned: nobody is dialled.
  private static func entry(_ number: Int) -> BookEntry {
    let key = PublicKey(type: .ed25519, data: (0..<32).map { _ in .random(in: .min ... .max) })
    let endpoint = IPEndpoint(address: [198, 18, UInt8(number >> 8 & 0xFF), UInt8(number & 0xFF)], port: 9_000)
    return BookEntry(
      // Keys of this type are not hashed.
      peerID: PeerID(publicKey: key, sha256: { _ in [] }), name: "member-\(number)", pinned: false,
      addresses: [Multiaddr(quic: endpoint)], source: .config)
  }
}
