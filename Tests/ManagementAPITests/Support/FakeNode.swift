import P2PCore
import Synchronization

@testable import ManagementAPI
@testable import P2PHost

/// A node whose state a test writes.
final class FakeNode: NodeControl {
  struct State {
    var node: NodeInfo
    var transport = TransportFigures()
    var peers: [PeerInfo] = []
    var connections: [ConnectionInfo] = []
    var pings: [PingResult]?
    var dials: [DialInfo] = []
    /// By cursor.
    var closed: [(cursor: UInt64, connection: ClosedConnectionInfo)] = []
    var blocks: [Blocklist.Record] = []
    var unknown = UnknownPeers()
    var protocols: [ProtocolInfo] = []
    /// What changes of the book and the blocklist end with.
    var bookError: BookError?
    /// What was asked for, in words.
    var calls: [String] = []
  }

  let localPeer = Sample.peer(0)
  let events = EventLog(bootID: "0123456789ab")
  let counters = HostCounters()
  let state: Mutex<State>
  private let dialing: @Sendable (PeerID?, [Multiaddr]) async -> DialResult

  init(
    dialing: @escaping @Sendable (PeerID?, [Multiaddr]) async -> DialResult = { _, _ in
      DialResult(connection: nil, reused: false, attempts: [], error: nil)
    }
  ) {
    self.state = Mutex(State(node: Sample.node(self.localPeer)))
    self.dialing = dialing
  }

  var calls: [String] { self.state.withLock { $0.calls } }

  private func note(_ call: String) { self.state.withLock { $0.calls.append(call) } }

  func node() async -> NodeInfo { self.state.withLock { $0.node } }
  func transportFigures() async -> TransportFigures { self.state.withLock { $0.transport } }
  func peers(_ query: PeerQuery) async -> Listing<PeerInfo, PeerID> {
    let matching = self.state.withLock { $0.peers }
      .filter {
        query.matches(state: $0.state, direction: $0.direction, pinned: $0.pinned, blocked: $0.blocked)
      }
      .sorted { $0.peerID.bytes.lexicographicallyPrecedes($1.peerID.bytes) }
    let rest = matching.drop { peer in
      query.after.map { !$0.bytes.lexicographicallyPrecedes(peer.peerID.bytes) } ?? false
    }
    let page = Array(rest.prefix(query.limit))
    return Listing(items: page, total: matching.count, next: page.count < rest.count ? page.last?.peerID : nil)
  }
  func peer(_ id: PeerID) async -> PeerInfo? { self.state.withLock { $0.peers.first { $0.peerID == id } } }
  /// Their numbers are the cursors.
  func connections(_ query: ConnectionQuery) async -> Listing<ConnectionInfo, UInt64> {
    let matching = self.state.withLock { $0.connections }
      .filter { query.matches(peer: $0.peerID, state: $0.state, direction: $0.direction) }
      .map { (number: UInt64($0.id.dropFirst(2)) ?? 0, info: $0) }.sorted { $0.number < $1.number }
    let rest = matching.drop { item in query.after.map { item.number <= $0 } ?? false }
    let page = rest.prefix(query.limit)
    return Listing(
      items: page.map(\.info), total: matching.count, next: page.count < rest.count ? page.last?.number : nil)
  }
  func connection(_ id: String) async -> ConnectionInfo? {
    self.state.withLock { $0.connections.first { $0.id == id } }
  }

  func snapshot(of peers: Set<PeerID>) async -> HostSnapshot {
    self.note("snapshot \(peers.count)")
    return self.state.withLock { state in
      HostSnapshot(
        number: self.events.lastNumber,
        peers: state.peers.filter { peers.isEmpty || peers.contains($0.peerID) },
        connections: state.connections.filter { peers.isEmpty || peers.contains($0.peerID) })
    }
  }

  func dial(peer: PeerID?, addresses: [Multiaddr], timeout: Duration?) async -> DialResult {
    self.note("dial \(peer.map { "\($0)" } ?? "-") \(addresses) \(timeout.map { "\($0)" } ?? "-")")
    return await self.dialing(peer, addresses)
  }

  func disconnect(_ peer: PeerID, reason: String) async -> Bool {
    self.note("disconnect \(peer) \(reason)")
    return await self.peer(peer) != nil
  }

  func closeConnection(_ id: String, abort: Bool) async -> Bool {
    self.note("close \(id) \(abort)")
    return await self.connection(id) != nil
  }

  private func check() throws(BookError) {
    if let error = self.state.withLock({ $0.bookError }) { throw error }
  }

  func putPeer(
    _ peer: PeerID, addresses: [Multiaddr]?, name: String?, pinned: Bool?
  ) async throws(BookError) -> (peer: PeerInfo, isNew: Bool) {
    self.note(
      "put \(peer) \(addresses.map { "\($0)" } ?? "-") \(name ?? "-") \(pinned.map { "\($0)" } ?? "-")")
    try self.check()
    let known = await self.peer(peer)
    return (known ?? Sample.peerInfo(peer, .connecting), known == nil)
  }

  func forgetPeer(_ peer: PeerID) async throws(BookError) -> Bool {
    self.note("forget \(peer)")
    try self.check()
    return await self.peer(peer) != nil
  }

  func connect(_ peer: PeerID, timeout: Duration?) async -> DialResult? {
    self.note("connect \(peer) \(timeout.map { "\($0)" } ?? "-")")
    return await self.peer(peer) == nil ? nil : await self.dialing(peer, [])
  }

  func clearBackoff(_ peer: PeerID) async -> Bool {
    self.note("clear backoff \(peer)")
    return await self.peer(peer) != nil
  }

  func startDial(peer: PeerID?, addresses: [Multiaddr], timeout: Duration?) async -> DialInfo {
    self.note("start dial \(peer.map { "\($0)" } ?? "-") \(addresses) \(timeout.map { "\($0)" } ?? "-")")
    return DialInfo(id: "d-9", peerID: peer, addresses: addresses, state: .running, startedAt: Sample.time)
  }

  func dials() async -> [DialInfo] { self.state.withLock { $0.dials } }
  func dialInfo(_ id: String) async -> DialInfo? { await self.dials().first { $0.id == id } }
  func cancelDial(_ id: String) async -> Bool? { await self.dialInfo(id).map { $0.state == .running } }

  func closedConnections(_ query: ConnectionQuery) async -> Listing<ClosedConnectionInfo, UInt64> {
    let matching = self.state.withLock { $0.closed }.filter {
      query.matches(
        peer: $0.connection.connection.peerID, state: nil, direction: $0.connection.connection.direction)
    }
    let rest = matching.drop { item in query.after.map { item.cursor >= $0 } ?? false }
    let page = rest.prefix(query.limit)
    return Listing(
      items: page.map(\.connection), total: matching.count, next: page.count < rest.count ? page.last?.cursor : nil)
  }

  func blocklist() async -> [Blocklist.Record] { self.state.withLock { $0.blocks } }

  func block(_ entry: BlockEntry, expiresAt: Int64?, reason: String?) async throws(BookError) -> Bool {
    self.note("block \(entry) \(expiresAt.map { "\($0)" } ?? "-") \(reason ?? "-")")
    try self.check()
    let record = Blocklist.Record(entry: entry, createdAt: Sample.time, expiresAt: expiresAt, reason: reason)
    return self.state.withLock { state in
      defer { state.blocks = state.blocks.filter { $0.entry != entry } + [record] }
      return !state.blocks.contains { $0.entry == entry }
    }
  }

  func unblock(_ entry: BlockEntry) async throws(BookError) -> Bool {
    self.note("unblock \(entry)")
    try self.check()
    return self.state.withLock { state in
      defer { state.blocks.removeAll { $0.entry == entry } }
      return state.blocks.contains { $0.entry == entry }
    }
  }

  func unknownPeers() async -> [UnknownPeers.Entry] { self.state.withLock { $0.unknown.entries } }

  func protocols() async -> [ProtocolInfo] { self.state.withLock { $0.protocols } }

  func ping(_ peer: PeerID, count: Int, timeout: Duration) async -> [PingResult]? {
    self.note("ping \(count) \(timeout)")
    return self.state.withLock { $0.pings }
  }
}

/// Values to test with.
enum Sample {
  static let time: Int64 = 1_769_903_999_123
  static let timeText = "2026-01-31T23:59:59.123Z"
  static let peerText = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
  static let addressText = "/ip4/192.0.2.7/udp/9000/quic-v1"

  static func peer(_ number: Int) -> PeerID {
    do {
      return try PeerID(
        multihash: [0x12, 0x20, UInt8(number >> 8), UInt8(number & 255)] + [UInt8](repeating: 7, count: 30))
    } catch {
      preconditionFailure("\(error)")
    }
  }

  static func address(_ text: String = addressText) -> Multiaddr {
    do {
      return try Multiaddr(text)
    } catch {
      preconditionFailure("\(error)")
    }
  }

  static func node(_ peer: PeerID) -> NodeInfo {
    NodeInfo(
      peerID: peer, publicKey: PublicKey(type: .ed25519, data: [UInt8](repeating: 1, count: 32)),
      agentVersion: "fednode/0.1.0", startedAt: self.time, protocols: ["/ipfs/ping/1.0.0"],
      listenAddresses: [self.address()], announceAddresses: [], observedAddresses: [(self.address(), 2)],
      listeners: [ListenerStatus(address: self.address(), error: nil)], peersByState: [.connected: 3],
      connectionsByState: [.connected: 4], connectionsByDirection: [.inbound: 1, .outbound: 3], streams: 5,
      draining: false)
  }

  static func peerInfo(_ id: PeerID, _ state: LinkState = .connected, _ direction: Direction? = .outbound) -> PeerInfo {
    PeerInfo(
      peerID: id, state: state, stateSince: self.time, direction: direction, agentVersion: nil,
      protocols: ["/ipfs/id/1.0.0"], connections: ["c-1"], firstSeenAt: self.time, lastSeenAt: nil, connectedAt: nil,
      lastDisconnect: PeerInfo.Disconnect(at: self.time, reason: CloseReason("idle_timeout", initiator: .none)),
      flapCount: 1, rtt: .microseconds(1_234), bytesIn: 10, bytesOut: 20, failureCount: 0,
      addresses: [
        PeerInfo.Address(
          address: self.address(), source: "dial", lastAttemptAt: self.time, lastSuccessAt: nil,
          lastError: DialError(.refused, "nobody there", temporary: true))
      ])
  }

  static func connection(
    _ number: Int, _ peer: PeerID, _ state: LinkState = .connected, _ direction: Direction = .outbound,
    figures: Bool = true
  ) -> ConnectionInfo {
    var statistics = ConnectionStatistics()
    statistics.bytesIn = 1_000
    statistics.packetsLost = 4
    statistics.rttLatest = .microseconds(1_500)
    statistics.mtu = 1_452
    statistics.streamsInbound = 2
    statistics.lastActivityAt = self.time
    statistics.keepAlive = .seconds(10)
    return ConnectionInfo(
      id: "c-\(number)", peerID: peer, state: state, direction: direction, localAddress: self.address(),
      remoteAddress: self.address(), openedAt: self.time, handshake: .milliseconds(12),
      security: ConnectionSecurity(tlsVersion: "1.3", cipher: "AES-128-GCM", group: "X25519", keyType: .ed25519),
      quicVersion: "1", statistics: figures ? statistics : nil)
  }

  static func attempt(_ outcome: DialAttempt.Outcome, _ error: DialError?) -> DialAttempt {
    DialAttempt(
      address: self.address(), resolvedFrom: nil, startedAt: self.time, endedAt: self.time + 5, outcome: outcome,
      error: error)
  }
}
