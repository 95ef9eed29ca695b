import CLinux
import CNgtcp2
import GnuTLS
import LinuxIO
import P2PCore

@testable import QUIC

/// Seeded random numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var z = self.state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Endpoints joined by a network in virtual time: latency, loss, duplication, reordering, corruption, MTU, blackhole.
final class SimulatedNetwork {
  struct Conditions {
    var latency: UInt64 = 5_000_000
    /// Added at random, so that datagrams overtake each other.
    var jitter: UInt64 = 0
    var loss = 0.0
    var duplication = 0.0
    var corruption = 0.0
    var mtu = 1_500
    var isBlackhole = false
  }

  final class Node: DatagramSink {
    let name: String
    unowned let network: SimulatedNetwork
    let identity: IdentityKey
    var address: SocketAddress
    var endpoint: QUICEndpoint!
    var events: [TransportEvent] = []
    /// Hears of each event.
    var listener: ((TransportEvent) -> Void)?
    /// Wrongs this node's address on the wire: a NAT that has moved it.
    var apparentAddress: SocketAddress?
    var bytesSent = 0
    var bytesReceived = 0
    /// Datagrams of this node that `Conditions.loss` took.
    var datagramsLost = 0

    init(_ name: String, _ network: SimulatedNetwork, identity: IdentityKey, address: SocketAddress) {
      self.name = name
      self.network = network
      self.identity = identity
      self.address = address
    }

    /// The network is no more; nothing may reach for it.
    var isAlone = false

    func send(_ bytes: UnsafeRawBufferPointer, segment: Int, route: borrowing cng_route) -> Bool {
      if self.isAlone { return true }
      var start = 0
      while start < bytes.count {
        let end = min(start + segment, bytes.count)
        self.bytesSent += end - start
        self.network.carry(
          Array(bytes[start..<end]), from: self.apparentAddress ?? self.address, to: SocketAddress(raw: route.remote),
          ecn: route.ecn)
        start = end
      }
      return true
    }

    var connections: [any Connection] {
      self.events.compactMap { if case .opened(let connection) = $0 { connection } else { nil } }
    }
    var closeReasons: [CloseReason] {
      self.events.compactMap { if case .closed(_, let reason) = $0 { reason } else { nil } }
    }
    var streams: [QUICStream] {
      self.events.compactMap { if case .stream(let stream, _) = $0 { stream as? QUICStream } else { nil } }
    }
    /// Why inbound connections were not accepted.
    var refusals: [String] {
      self.events.compactMap { if case .inboundRefused(_, let reason) = $0 { reason } else { nil } }
    }
    /// Counts of datagrams that were for nobody, as they were told.
    var drops: [Int] {
      self.events.compactMap { if case .datagramsDropped(let count, _) = $0 { count } else { nil } }
    }
    var pathChanges: Int {
      self.events.count { if case .pathChanged = $0 { true } else { false } }
    }
  }

  private struct Flight {
    var arrival: UInt64
    var order: UInt64
    var bytes: [UInt8]
    var from: SocketAddress
    var to: SocketAddress
    var ecn: UInt8
  }

  var conditions = Conditions()
  /// Outlives the network, whose connections still ask for it at their end.
  private final class Time { var now: UInt64 = 1_000_000_000 }
  private let time = Time()
  private(set) var now: UInt64 {
    get { self.time.now }
    set { self.time.now = newValue }
  }
  private var flights: [Flight] = []
  private var order: UInt64 = 0
  private var nodes: [Node] = []
  /// With those that were replaced.
  private var allNodes: [Node] = []
  private var random: SeededGenerator
  /// What was carried, for replays.
  var tap: (([UInt8], SocketAddress, SocketAddress) -> Void)?

  init(seed: UInt64) { self.random = SeededGenerator(state: seed) }

  deinit {
    for node in self.allNodes { node.isAlone = true }
    for node in self.allNodes { node.endpoint.closeAll(code: 0, words: "", now: self.now) }
  }

  func addNode(
    _ name: String, configuration: QUICConfiguration = .init(), identity: IdentityKey? = nil, port: UInt16? = nil,
    flaw: CertificateFlaw? = nil, applicationProtocol: String = TLSContext.applicationProtocol, loop: EventLoop? = nil
  ) throws -> Node {
    let identity = try identity ?? IdentityKey.generate(.ed25519)
    let address = SocketAddress(address: [10, 0, 0, UInt8(self.nodes.count + 1)], port: port ?? 9000)!
    let node = Node(name, self, identity: identity, address: address)
    let environment = QUICConnection.Environment(
      configuration: configuration, tls: try TLSContext(applicationProtocol: applicationProtocol),
      credentials: try TLSCredentials(identity: identity, now: 1_800_000_000, flaw: flaw),
      secret: identity.derivedSecret("stateless-reset"), shard: 0, loop: loop,
      clock: { [time] in time.now })
    node.endpoint = QUICEndpoint(
      environment: environment, sink: node, wallSeconds: { 1_800_000_000 },
      events: { [unowned node] in
        node.events.append($0)
        node.listener?($0)
      })
    node.endpoint.startAccepting()
    self.nodes.append(node)
    self.allNodes.append(node)
    return node
  }

  /// The node is gone without a word; `other` takes its address.
  func replace(_ node: Node, by other: Node) {
    other.address = node.address
    self.nodes.removeAll { $0 === node }
  }

  func carry(_ bytes: [UInt8], from: SocketAddress, to: SocketAddress, ecn: UInt8) {
    self.tap?(bytes, from, to)
    if self.conditions.isBlackhole || bytes.count > self.conditions.mtu - 28 { return }
    if Double.random(in: 0..<1, using: &self.random) < self.conditions.loss {
      self.nodes.first { ($0.apparentAddress ?? $0.address) == from }?.datagramsLost += 1
      return
    }
    var bytes = bytes
    if Double.random(in: 0..<1, using: &self.random) < self.conditions.corruption {
      bytes[Int.random(in: 0..<bytes.count, using: &self.random)] ^= UInt8.random(in: 1...255, using: &self.random)
    }
    let copies = Double.random(in: 0..<1, using: &self.random) < self.conditions.duplication ? 2 : 1
    for _ in 0..<copies {
      let jitter = self.conditions.jitter == 0 ? 0 : UInt64.random(in: 0..<self.conditions.jitter, using: &self.random)
      self.order += 1
      self.flights.append(
        Flight(
          arrival: self.now + self.conditions.latency + jitter, order: self.order, bytes: bytes, from: from, to: to,
          ecn: ecn))
    }
  }

  /// Runs until `condition` holds; false when it does not within `seconds` of virtual time.
  @discardableResult func run(seconds: Double, until condition: () -> Bool = { false }) -> Bool {
    let end = self.now + UInt64(seconds * 1e9)
    var turns = 0
    while !condition() {
      turns += 1
      if turns > 3_000_000 { return false }
      var next = end
      for node in self.nodes {
        let deadline = node.endpoint.turn(now: self.now)
        next = min(next, deadline == 0 ? self.now : deadline)
      }
      let arrivals = self.flights.filter { $0.arrival <= self.now }.sorted {
        ($0.arrival, $0.order) < ($1.arrival, $1.order)
      }
      if !arrivals.isEmpty {
        self.flights.removeAll { $0.arrival <= self.now }
        for flight in arrivals { self.deliver(flight) }
        continue
      }
      for flight in self.flights { next = min(next, flight.arrival) }
      if condition() { return true }
      if self.now >= end { return false }
      self.now = max(self.now + (next > self.now ? 0 : 1), next)
    }
    return true
  }

  private func deliver(_ flight: Flight) {
    guard let node = self.nodes.first(where: { ($0.apparentAddress ?? $0.address) == flight.to }) else { return }
    node.bytesReceived += flight.bytes.count
    flight.bytes.withUnsafeBytes {
      node.endpoint.receive(
        $0, segment: flight.bytes.count, local: node.address.raw, remote: flight.from.raw, ecn: flight.ecn,
        now: self.now)
    }
  }

  final class Dial {
    var result: Result<QUICConnectionHandle, DialError>?
    var outbound: OutboundDial?
    private var established: QUICConnection?
    /// The one that was established, or the one that is under way.
    var connection: QUICConnection? {
      if let under = self.outbound?.connection { self.established = under }
      return self.established
    }
    var error: DialError? { if case .failure(let error) = self.result { error } else { nil } }
    var isConnected: Bool { if case .success = self.result { true } else { false } }
  }

  func dial(_ from: Node, _ to: Node, expecting peer: PeerID? = nil, timeout: Duration = .seconds(10)) -> Dial {
    let dial = Dial()
    dial.outbound = from.endpoint.connect(
      local: from.address, remote: to.address, expecting: peer ?? to.identity.peerID, timeout: timeout, now: self.now
    ) { result in
      _ = dial.connection
      dial.result = result
    }
    return dial
  }

  /// Dials and waits.
  func connect(_ from: Node, _ to: Node) -> Dial {
    let dial = self.dial(from, to)
    self.run(seconds: 20) { dial.result != nil }
    return dial
  }

  /// Sends `bytes` on a new stream and reads them at the other side; nil when they did not arrive in time.
  func transfer(_ bytes: [UInt8], over dial: Dial, to node: Node, seconds: Double = 120) -> [UInt8]? {
    guard case .success(let stream)? = dial.connection?.openStream() else { return nil }
    let before = node.streams.count
    _ = stream.tryWrite(bytes, finish: true)
    var got: [UInt8] = []
    var isEnded = false
    let arrived = self.run(seconds: seconds) {
      guard node.streams.count > before else { return false }
      reading: while true {
        switch node.streams[before].tryRead(upTo: 1 << 20) {
        case .bytes(let more): got += more
        case .end:
          isEnded = true
          break reading
        case .wait, .failed: break reading
        }
      }
      return isEnded
    }
    return arrived ? got : nil
  }
}
