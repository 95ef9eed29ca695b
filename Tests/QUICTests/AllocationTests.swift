import AllocationCounter
import CLinux
import CNgtcp2
import GnuTLS
import LinuxIO
import P2PCore
import Testing

@testable import QUIC

@Suite struct AllocationTests {
  /// What these allocate for a packet is theirs: ngtcp2 its frames and records of what was sent.
  static let foreign = ["libngtcp2", "libngtcp2_crypto_gnutls", "libgnutls", "libnettle", "libhogweed", "libgmp"]
  static let blockBytes = 64 << 10

  @Test(
    "a transfer allocates for its writes and reads, and nothing for its datagrams",
    .enabled(if: allocation_counter_works, "a sanitizer has its own malloc"), .timeLimit(.minutes(1)))
  func steadyState() throws {
    let wire = try Wire()
    let stream = try wire.openStream()
    let block = [UInt8](repeating: 7, count: AllocationTests.blockBytes)
    // Windows, queues and tables grow to their size first.
    try wire.transfer(8 << 20, of: block, on: stream)
    let before = (wire.datagrams, wire.reads, wire.writes)
    allocation_counter_begin()
    try wire.transfer(8 << 20, of: block, on: stream)
    allocation_counter_end()
    let datagrams = wire.datagrams - before.0
    let operations = wire.reads - before.1 + wire.writes - before.2
    let calls = AllocationTests.calls()
    let ours = calls.filter { call in
      !AllocationTests.foreign.contains { call.library == $0 || call.library.hasPrefix($0 + ".") }
    }
    let excess = ours.reduce(0) { $0 + $1.count } - operations
    let words = calls.map { "\($0.library): \($0.count)" }.joined(separator: ", ")
    #expect(datagrams > 6_000)
    #expect(excess <= datagrams / 100, "\(datagrams) datagrams, \(operations) reads and writes; allocations: \(words)")
    // The counter counts at all.
    #expect(excess + operations >= operations / 2)
  }

  static func calls() -> [(library: String, count: Int)] {
    var counts: [String: Int] = [:]
    for place in 0..<allocation_counter_places() {
      let library = allocation_counter_library(place).map { String(cString: $0) } ?? "unknown"
      counts[library, default: 0] += Int(allocation_counter_calls(place))
    }
    return counts.map { ($0.key, $0.value) }.sorted { $0.library < $1.library }
  }
}

/// Two endpoints and a wire of fixed memory between them, in virtual time.
private final class Wire {
  /// Trains on their way in one direction; more are lost.
  private static let trainsMax = 64

  private final class Direction: DatagramSink {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: trainsMax * SendSlab.bytesMax, alignment: 16)
    var trains: [(bytes: Int, segment: Int)] = []
    var datagrams = 0

    init() { self.trains.reserveCapacity(trainsMax) }
    deinit { self.bytes.deallocate() }

    func send(_ bytes: UnsafeRawBufferPointer, segment: Int, route: borrowing cng_route) -> Bool {
      guard self.trains.count < trainsMax else { return true }
      let start = self.trains.count * SendSlab.bytesMax
      UnsafeMutableRawBufferPointer(rebasing: self.bytes[start..<start + bytes.count]).copyMemory(from: bytes)
      self.trains.append((bytes.count, segment))
      self.datagrams += (bytes.count + segment - 1) / segment
      return true
    }

    func deliver(to endpoint: QUICEndpoint, local: SocketAddress, remote: SocketAddress, now: UInt64) {
      for index in self.trains.indices {
        let start = index * SendSlab.bytesMax
        let (count, segment) = self.trains[index]
        endpoint.receive(
          UnsafeRawBufferPointer(rebasing: self.bytes[start..<start + count]), segment: segment, local: local.raw,
          remote: remote.raw, ecn: 0, now: now)
      }
      self.trains.removeAll(keepingCapacity: true)
    }
  }

  private final class Events {
    var accepted: QUICStream?
  }

  private let toServer = Direction()
  private let toClient = Direction()
  private let client: QUICEndpoint
  private let server: QUICEndpoint
  private let events = Events()
  private let clientAddress = SocketAddress(address: [10, 0, 0, 1], port: 9000)!
  private let serverAddress = SocketAddress(address: [10, 0, 0, 2], port: 9000)!
  private var now: UInt64 = 1_000_000_000
  private(set) var reads = 0
  private(set) var writes = 0

  var datagrams: Int { self.toServer.datagrams + self.toClient.datagrams }

  init() throws {
    func environment() throws -> QUICConnection.Environment {
      let identity = try IdentityKey.generate(.ed25519)
      return QUICConnection.Environment(
        configuration: QUICConfiguration(), tls: try TLSContext(),
        credentials: try TLSCredentials(identity: identity, now: 1_800_000_000),
        secret: identity.derivedSecret("stateless-reset"), shard: 0, loop: nil)
    }
    let events = self.events
    self.client = QUICEndpoint(
      environment: try environment(), sink: self.toServer, wallSeconds: { 1_800_000_000 }, events: { _ in })
    self.server = QUICEndpoint(
      environment: try environment(), sink: self.toClient, wallSeconds: { 1_800_000_000 },
      events: { if case .stream(let stream, _) = $0 { events.accepted = stream as? QUICStream } })
    self.server.startAccepting()
  }

  private func step() {
    _ = self.client.turn(now: self.now)
    self.toServer.deliver(to: self.server, local: self.serverAddress, remote: self.clientAddress, now: self.now)
    _ = self.server.turn(now: self.now)
    self.toClient.deliver(to: self.client, local: self.clientAddress, remote: self.serverAddress, now: self.now)
    self.now += 100_000
  }

  func openStream() throws -> QUICStream {
    var isEnded = false
    let dial = self.client.connect(
      local: self.clientAddress, remote: self.serverAddress, expecting: nil, timeout: .seconds(10), now: self.now
    ) { _ in isEnded = true }
    let connection = try #require(dial.connection)
    for _ in 0..<10_000 where !isEnded { self.step() }
    return try #require(connection.openStream()).get()
  }

  /// Returns when the server has read `count` bytes.
  func transfer(_ count: Int, of block: [UInt8], on stream: QUICStream) throws {
    var unwritten = count
    var unread = count
    for _ in 0..<1_000_000 {
      while unwritten > 0, stream.buffer.unsent < QUICStream.unsentMax {
        if stream.tryWrite(block, finish: false) != nil { break }
        self.writes += 1
        unwritten -= block.count
      }
      self.step()
      while case .bytes(let bytes)? = self.events.accepted?.tryRead(upTo: 1 << 20) {
        self.reads += 1
        unread -= bytes.count
      }
      if unread <= 0 { return }
    }
    Issue.record("\(unread) of \(count) bytes did not arrive")
  }
}
