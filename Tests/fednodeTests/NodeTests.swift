import Foundation
import Glibc
import GnuTLS
import P2PCore
import P2PHost
import Testing

@testable import fednode

@Suite struct NodeTests {
  private static func host(_ change: (inout Configuration) -> Void) throws -> HostConfiguration {
    var configuration = Configuration()
    change(&configuration)
    return Node.hostConfiguration(try IdentityKey.generate(), configuration)
  }

  @Test("Limits come from the federation's size and are never below it", arguments: [1, 4, 64, 512, 4_096])
  func derived(size: Int) throws {
    let limits = try Self.host { $0.federationSize = size }.limits
    #expect(limits.connections.total >= 2 * size)
    #expect(limits.connections.inbound >= size)
    #expect(limits.connections.outbound >= size)
    #expect(limits.connections.perPeer == 2)
    var configuration = Configuration()
    configuration.federationSize = size
    #expect(Node.handshakesMax(configuration) >= max(256, 2 * size))
    configuration.handshakesMax = 0
    #expect(Node.handshakesMax(configuration) == .max)
    let water = try #require(limits.water)
    #expect(water.lowerBound >= size)
    #expect(water.lowerBound < water.upperBound)
    #expect(water.upperBound < limits.connections.total)
  }

  @Test("More members than federation.size says count")
  func moreMembers() throws {
    let peers = (0..<300).map { number in
      let key = [UInt8(number & 255), UInt8(number >> 8)] + [UInt8](repeating: 0, count: 30)
      return BookEntry(
        peerID: PeerID(publicKey: PublicKey(type: .ed25519, data: key)), name: nil, pinned: true, addresses: [],
        source: .config)
    }
    let derived = try Self.host {
      $0.federationSize = 4
      $0.staticPeers = Array(peers.prefix(200))
      $0.filePeers = Array(peers.suffix(100))
    }
    #expect(derived.limits.connections == ConnectionLimits.derived(fromFederationSize: 300))
  }

  @Test("A limit that is set is taken as it is, 0 as none")
  func explicit() throws {
    let limits = try Self.host {
      $0.connectionsMax = 10
      $0.connectionsInboundMax = 0
      $0.connectionsOutboundMax = 7
      $0.connectionsPerPeerMax = 0
      $0.connectionsPerIPMax = 3
      $0.connectionsPerSubnetMax = 5
      $0.drainTimeout = .milliseconds(700)
    }.limits
    #expect(
      limits.connections
        == ConnectionLimits(total: 10, inbound: 0, outbound: 7, perPeer: 0, perIP: 3, perSubnet: 5))
    #expect(limits.water == 6...8)
    #expect(limits.closeGrace == .milliseconds(700))
  }

  @Test("The water follows what is set, and without a high one nothing is trimmed")
  func water() throws {
    #expect(try Self.host { $0.highWater = 100 }.limits.water == 75...100)
    #expect(
      try Self.host {
        $0.highWater = 100
        $0.lowWater = 10
      }.limits.water == 10...100)
    #expect(try Self.host { $0.highWater = 0 }.limits.water == nil)
    #expect(try Self.host { $0.connectionsMax = 0 }.limits.water == nil)
    // Above the derived high water: an operator's low one must not trap.
    let high = try #require(try Self.host { _ in }.limits.water).upperBound
    #expect(try Self.host { $0.lowWater = 60_000 }.limits.water == high...high)
  }

  @Test("What the configuration says of peers reaches the host")
  func peers() throws {
    let host = try Self.host {
      $0.policy = .allowlist
      $0.dialPrivate = false
      $0.backoffInitial = .seconds(2)
      $0.backoffMax = .seconds(20)
      $0.probeInterval = nil
      $0.probeMisses = 9
      $0.connectedPeersMin = 5
      $0.perfEnabled = true
      $0.connectionTimeout = .seconds(3)
    }
    #expect(host.policy == .allowlist)
    #expect(!host.dialFilter.allowsPrivate)
    #expect(host.backoff.initial == .seconds(2))
    #expect(host.backoff.maximum == .seconds(20))
    #expect(host.probe.interval == nil)
    #expect(host.probe.missesMax == 9)
    #expect(host.connectedPeersMin == 5)
    #expect(host.servesPerf)
    #expect(host.connectionTimeout == .seconds(3))
  }

  // MARK: Two nodes

  private static let anyPort = "/ip4/127.0.0.1/udp/0/quic-v1"

  private static func start(
    _ configuration: Configuration = Configuration(), store: PeerStore? = nil
  ) async throws -> Node {
    let node = try Node(
      identity: try IdentityKey.generate(), addresses: [try Multiaddr(Self.anyPort)], configuration: configuration,
      store: store)
    try await node.host.start()
    return node
  }

  private static func port(of node: Node) async throws -> String {
    let address = try #require(await node.host.node().listenAddresses.first).description
    return String(address.split(separator: "/")[3])
  }

  @Test("A name is dialled at the address that the configured server gives, and one that is unknown says so")
  func names() async throws {
    let server = try DNSServer([
      "fed-01.example.org": [DNSServer.Record(type: DNSServer.Record.a, ttl: 60, data: [127, 0, 0, 1])]
    ])
    var configuration = Configuration()
    configuration.dnsServers = [server.address]
    let (one, two) = (try await Self.start(configuration), try await Self.start())
    let port = try await Self.port(of: two)
    let good = await one.host.dial(
      peer: nil, addresses: [try Multiaddr("/dns4/fed-01.example.org/udp/\(port)/quic-v1")], timeout: .seconds(10))
    let peer = await two.host.node().peerID
    #expect(good.connection?.peerID == peer)
    let bad = await one.host.dial(
      peer: nil, addresses: [try Multiaddr("/dns4/fed-02.example.org/udp/\(port)/quic-v1")], timeout: .seconds(10))
    #expect(bad.error?.class == .dnsFailure)
    #expect(bad.error?.detail.contains("fed-02.example.org") == true)
    await one.stop(timeout: .seconds(1))
    await two.stop(timeout: .seconds(1))
  }

  @Test("What is pinned through the host is kept in the store and connected again at the next start")
  func restart() async throws {
    let directory = try TemporaryDirectory()
    let other = try await Self.start()
    let peer = await other.host.node().peerID
    let address = try Multiaddr("/ip4/127.0.0.1/udp/\(try await Self.port(of: other))/quic-v1")
    let (store, _) = try PeerStore.open(directory: directory.path)
    let first = try await Self.start(store: store)
    _ = try await first.host.putPeer(peer, addresses: [address], name: "fed-02", pinned: true)
    await first.stop(timeout: .seconds(1))

    let (again, book) = try PeerStore.open(directory: directory.path)
    let second = try Node(
      identity: try IdentityKey.generate(), addresses: [], configuration: Configuration(), store: again)
    await second.host.load(book.peers, blocks: book.blocks)
    try await second.host.start()
    for _ in 0..<500 {
      if await second.host.peer(peer)?.state == .connected { break }
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(await second.host.peer(peer)?.state == .connected)
    #expect(await second.host.peer(peer)?.name == "fed-02")
    await second.stop(timeout: .seconds(1))
    await other.stop(timeout: .seconds(1))
  }

  private static func descriptors() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
  }

  /// Bytes of this process that are in memory.
  private static func residentBytes() throws -> Int {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .ascii).split(separator: " ")
    return try #require(Int(fields[1])) * 4_096
  }

  @Test("A thousand nodes, of which every tenth meets another, leave neither descriptors nor memory behind")
  func cycles() async throws {
    let other = try await Self.start()
    let address = try #require(await other.host.node().listenAddresses.first)
    func cycle(_ number: Int) async throws {
      let node = try await Self.start()
      if number % 10 == 0 {
        let result = await node.host.dial(peer: nil, addresses: [address], timeout: .seconds(10))
        #expect(result.error == nil)
      }
      await node.stop(timeout: .seconds(1))
    }
    // The first ones open what the process keeps.
    for number in 0..<200 { try await cycle(number) }
    let (descriptors, bytes) = (try Self.descriptors(), try Self.residentBytes())
    for number in 0..<800 { try await cycle(number) }
    // Those of tests before this one may still be closing.
    for _ in 0..<250 where try Self.descriptors() > descriptors { try await Task.sleep(for: .milliseconds(20)) }
    #expect(try Self.descriptors() <= descriptors)
    // A kilobyte for each would be 800 KiB; the history of the other node has some, the allocator its own ways.
    let growth = try Self.residentBytes() - bytes
    // Sanitizers keep memory of their own; AddressSanitizer's leak check says more than this.
    let isSanitized = dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil
    if !isSanitized { #expect(growth < 4 << 20, "\(growth) bytes") }
    await other.stop(timeout: .seconds(1))
  }

  @Test("A port that is taken is an error with its address")
  func portTaken() async throws {
    let one = try await Self.start()
    let address = "/ip4/127.0.0.1/udp/\(try await Self.port(of: one))/quic-v1"
    let error = await Self.failure {
      let two = try Node(
        identity: try IdentityKey.generate(), addresses: [try Multiaddr(address)], configuration: Configuration())
      do {
        try await two.host.start()
      } catch {
        await two.stop(timeout: .zero)
        throw error
      }
      await two.stop(timeout: .zero)
    }
    #expect(error?.contains("in use") == true, "\(error ?? "none")")
    await one.stop(timeout: .seconds(1))
  }

  private static func failure(_ body: () async throws -> Void) async -> String? {
    do {
      try await body()
      return nil
    } catch {
      return "\(error)"
    }
  }
}
