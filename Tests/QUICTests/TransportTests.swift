import GnuTLS
import LinuxIO
import P2PCore
import Synchronization
import Testing

@testable import QUIC

/// Two transports on loopback; the second answers every stream with what it reads.
final class Pair: Sendable {
  let client: QUICTransport
  let server: QUICTransport
  let serverID: PeerID
  let clientID: PeerID
  init(
    _ family: String = "/ip4/127.0.0.1", client: QUICConfiguration = .init(), server: QUICConfiguration = .init(),
    clientFlaw: CertificateFlaw? = nil, serverFlaw: CertificateFlaw? = nil, clientProtocol: String = "libp2p",
    serve: @escaping @Sendable (any P2PCore.Stream) async throws -> Void = Pair.echo
  ) async throws {
    let clientKey = try IdentityKey.generate(.ed25519)
    let serverKey = try IdentityKey.generate(.ed25519)
    self.clientID = clientKey.peerID
    self.serverID = serverKey.peerID
    self.client = try QUICTransport(
      identity: clientKey, addresses: [Multiaddr("\(family)/udp/0/quic-v1")], configuration: client, flaw: clientFlaw,
      applicationProtocol: clientProtocol)
    self.server = try QUICTransport(
      identity: serverKey, addresses: [Multiaddr("\(family)/udp/0/quic-v1")], configuration: server, flaw: serverFlaw)
    let executor = self.server.streamExecutor!
    try await self.client.start { _ in }
    let record = Record()
    self.record = record
    try await self.server.start { event in
      switch event {
      case .stream(let stream, _):
        Task(executorPreference: executor) {
          do { try await serve(stream) } catch { stream.reset(code: 7) }
        }
      case .opened(let connection): record.opened.withLock { $0.append(connection) }
      case .closed(_, let reason): record.closed.withLock { $0.append(reason) }
      default: break
      }
    }
  }

  let record: Record
  final class Record: Sendable {
    let opened = Mutex<[any Connection]>([])
    let closed = Mutex<[CloseReason]>([])

    func firstOpened() -> (any Connection)? { self.opened.withLock { $0.first } }
    func firstClosed() -> CloseReason? { self.closed.withLock { $0.first } }
  }

  static func echo(_ stream: any P2PCore.Stream) async throws {
    while let bytes = try await stream.read(upTo: 65_536) { try await stream.write(bytes, finish: false) }
    try await stream.write([], finish: true)
  }

  func dial(expecting peer: PeerID? = nil, timeout: Duration = .seconds(5)) async throws -> any Connection {
    try await self.client.dial(self.server.listenAddresses[0], expecting: peer ?? self.serverID, timeout: timeout)
  }

  func stop() async {
    await self.client.shutdown(code: 0x1006, timeout: .seconds(1))
    await self.server.shutdown(code: 0x1006, timeout: .seconds(1))
    self.client.stop()
    self.server.stop()
  }
}

/// A number that tasks share.
final class SharedCount: Sendable {
  private let number = Atomic(0)
  var value: Int { self.number.load(ordering: .acquiring) }
  func add(_ more: Int) { self.number.add(more, ordering: .acquiringAndReleasing) }
}

/// False until it is set; tasks share it.
final class SharedFlag: Sendable {
  private let flag = Atomic(false)
  var isSet: Bool { self.flag.load(ordering: .acquiring) }
  func set() { self.flag.store(true, ordering: .releasing) }
}

/// Polls `condition` for at most five seconds.
func eventually(_ condition: () async -> Bool) async -> Bool {
  for _ in 0..<1_000 {
    if await condition() { return true }
    try? await Task.sleep(for: .milliseconds(5))
  }
  return false
}

/// Hands a stream's call on to a task.
private final class Caller: StreamReader {
  private let continuation: UnsafeContinuation<Void, Never>
  private init(_ continuation: UnsafeContinuation<Void, Never>) { self.continuation = continuation }

  func streamIsReadable() { self.continuation.resume() }

  static func wait(for stream: any P2PCore.Stream, then: () -> Void = {}) async {
    await withUnsafeContinuation { continuation in
      stream.wake(Caller(continuation))
      then()
    }
  }
}

private final class Ignorer: StreamReader {
  func streamIsReadable() {}
}

@Suite(.timeLimit(.minutes(1))) struct TransportTests {
  @Test("what need not be waited for is done at once on the transport's thread, and nowhere else")
  func atOnce() async throws {
    let pair = try await Pair()
    let connection = try await pair.dial()
    if connection.openStreamNow() != nil { Issue.record("a stream was opened off the transport's thread") }
    try await Task(executorPreference: pair.client.streamExecutor!) {
      let stream = try #require(connection.openStreamNow()).get()
      #expect(stream.isCurrent)
      #expect(try stream.writeNow([1, 2, 3], finish: false))
      #expect(stream.readNow(upTo: 10) == .wait)
      await Caller.wait(for: stream)
      // There is something already.
      await Caller.wait(for: stream)
      // Another one waits already, and was not called yet.
      stream.wake(Ignorer())
      await Caller.wait(for: stream)
      #expect(stream.readNow(upTo: 10) == .bytes([1, 2, 3]))
      #expect(try stream.writeNow([], finish: true))
      await Caller.wait(for: stream)
      #expect(stream.readNow(upTo: 10) == .end)
      let other = try #require(connection.openStreamNow()).get()
      #expect(try other.writeNow([4], finish: false))
      await Caller.wait(for: other) { other.reset(code: 1) }
      #expect(other.readNow(upTo: 10) == .failed(.resetLocally))
    }.value
    let stream = try await connection.openStream()
    #expect(!stream.isCurrent && stream.readNow(upTo: 10) == .wait)
    #expect(try !stream.writeNow([1], finish: false))
    await pair.stop()
  }

  @Test("a dial authenticates both ends and an echo comes back", arguments: ["/ip4/127.0.0.1", "/ip6/::1"])
  func echo(_ family: String) async throws {
    let pair = try await Pair(family)
    let connection = try await pair.dial()
    #expect(connection.remotePeer == pair.serverID)
    #expect(connection.security.cipher == "AES-128-GCM")
    #expect(connection.security.group.hasSuffix("25519"))
    let stream = try await connection.openStream()
    let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    async let writing: Void = stream.write(sent, finish: true)
    var got: [UInt8] = []
    while let bytes = try await stream.read(upTo: 100_000) { got += bytes }
    try await writing
    #expect(got == sent)
    #expect(pair.record.firstOpened()?.remotePeer == pair.clientID)
    let statistics = try #require(await connection.statistics())
    #expect(statistics.bytesOut > 1_000_000)
    #expect(statistics.rttSmoothed != nil)
    connection.close(code: 5, reason: "enough")
    #expect(await eventually { pair.record.firstClosed()?.code == 5 })
    #expect(pair.record.firstClosed()?.detail == "enough")
    await pair.stop()
  }

  @Test("a peer that is not the one asked for is its own error")
  func wrongPeer() async throws {
    let pair = try await Pair()
    let other = try IdentityKey.generate(.ed25519).peerID
    do {
      _ = try await pair.dial(expecting: other)
    } catch let error as DialError {
      #expect(error.class == .peerIDMismatch)
      #expect(error.detail.contains("\(pair.serverID)"))
    }
    await pair.stop()
  }

  @Test("a dial to a closed port is refused at once")
  func refused() async throws {
    let pair = try await Pair()
    let address = pair.server.listenAddresses[0]
    await pair.server.shutdown(code: 0, timeout: .seconds(1))
    do {
      _ = try await pair.client.dial(address, expecting: nil, timeout: .seconds(5))
      Issue.record("the dial succeeded")
    } catch {
      #expect(error.class == .refused)
    }
    await pair.stop()
  }

  @Test("certificates with faults are refused by the server, and the dial says so", arguments: CertificateFlaw.allCases)
  func clientFlaw(_ flaw: CertificateFlaw) async throws {
    let pair = try await Pair(clientFlaw: flaw)
    do {
      _ = try await pair.dial()
      Issue.record("the dial succeeded")
    } catch let error as DialError {
      #expect(error.class == .handshakeFailed)
      #expect(error.detail.contains("alert"))
    }
    await pair.stop()
  }

  @Test("certificates with faults are refused by the client", arguments: CertificateFlaw.allCases)
  func serverFlaw(_ flaw: CertificateFlaw) async throws {
    let pair = try await Pair(serverFlaw: flaw)
    do {
      _ = try await pair.dial()
      Issue.record("the dial succeeded")
    } catch let error as DialError {
      #expect(error.class == .handshakeFailed)
    }
    await pair.stop()
  }

  @Test("another application protocol is a protocol mismatch")
  func wrongProtocol() async throws {
    let pair = try await Pair(clientProtocol: "h3")
    do {
      _ = try await pair.dial()
      Issue.record("the dial succeeded")
    } catch let error as DialError {
      #expect(error.class == .protocolMismatch)
    }
    await pair.stop()
  }

  @Test("resets and stops reach the other end with their codes")
  func resets() async throws {
    let pair = try await Pair { stream in
      _ = try await stream.read(upTo: 10)
      stream.reset(code: 0x1001)
    }
    let connection = try await pair.dial()
    let stream = try await connection.openStream()
    try await stream.write([1, 2, 3], finish: false)
    await #expect(throws: StreamError.reset(code: 0x1001)) { try await stream.read(upTo: 10) }
    await pair.stop()
  }

  @Test("a slow reader stops its own sender and no other stream")
  func backPressure() async throws {
    let gate = SharedFlag()
    let pair = try await Pair { stream in
      guard let first = try await stream.read(upTo: 1) else { return }
      if first == [0] {
        while !gate.isSet { try await Task.sleep(for: .milliseconds(5)) }
        var count = 0
        while let bytes = try await stream.read(upTo: 1 << 20) { count += bytes.count }
        try await stream.write(withUnsafeBytes(of: UInt64(count).bigEndian) { Array($0) }, finish: true)
      } else {
        try await Pair.echo(stream)
      }
    }
    let connection = try await pair.dial()
    let slow = try await connection.openStream()
    let written = SharedCount()
    let total = 12 << 20
    let writing = Task {
      try await slow.write([0], finish: false)
      for _ in 0..<(total >> 16) {
        try await slow.write([UInt8](repeating: 9, count: 1 << 16), finish: false)
        written.add(1 << 16)
      }
      try await slow.write([], finish: true)
    }
    for _ in 0..<20 {
      let quick = try await connection.openStream()
      try await quick.write([1, 2, 3], finish: true)
      #expect(try await quick.read(upTo: 10) == [2, 3])
    }
    // The window of one stream and our own buffer are all that may be under way.
    #expect(written.value <= (1 << 20) + QUICStream.unsentMax + (1 << 16))
    gate.set()
    try await writing.value
    #expect(try await slow.read(upTo: 8) == withUnsafeBytes(of: UInt64(total).bigEndian) { Array($0) })
    await pair.stop()
  }

  @Test("the remote's limit of streams holds openStream back until one is closed")
  func streamLimit() async throws {
    var configuration = QUICConfiguration()
    configuration.streamsPerConnection = 4
    let pair = try await Pair(server: configuration)
    let connection = try await pair.dial()
    var open: [any P2PCore.Stream] = []
    for _ in 0..<4 {
      let stream = try await connection.openStream()
      try await stream.write([1], finish: false)
      open.append(stream)
    }
    let fifth = Task { try await connection.openStream() }
    try await Task.sleep(for: .milliseconds(50))
    try await open[0].write([], finish: true)
    while try await open[0].read(upTo: 10) != nil {}
    let stream = try await fifth.value
    try await stream.write([7], finish: true)
    #expect(try await stream.read(upTo: 10) == [7])
    await pair.stop()
  }

  @Test("a cancelled read ends and the stream goes on")
  func cancelledRead() async throws {
    let pair = try await Pair()
    let connection = try await pair.dial()
    let stream = try await connection.openStream()
    let reading = Task { try await stream.read(upTo: 10) }
    try await Task.sleep(for: .milliseconds(20))
    reading.cancel()
    await #expect(throws: StreamError.cancelled) { try await reading.value }
    try await stream.write([1], finish: false)
    #expect(try await stream.read(upTo: 10) == [1])
    await pair.stop()
  }

  @Test("streams of a connection that ends say why")
  func connectionEnds() async throws {
    let pair = try await Pair()
    let connection = try await pair.dial()
    let stream = try await connection.openStream()
    try await stream.write([1], finish: false)
    #expect(try await stream.read(upTo: 1) == [1])
    #expect(await eventually { pair.record.firstOpened() != nil })
    let accepted = pair.record.firstOpened()
    accepted?.close(code: 0x1006, reason: "bye")
    do {
      _ = try await stream.read(upTo: 1)
      Issue.record("a read succeeded")
    } catch {
      #expect(error == .connectionClosed("closed_by_peer: bye"))
    }
    await pair.stop()
  }
  @Test("nothing of a transport is left when it has stopped")
  func freed() async throws {
    weak var transport: QUICTransport?
    // Holds the descriptors of epoll and of the wake-up.
    weak var loop: AnyObject?
    do {
      let pair = try await Pair()
      let connection = try await pair.dial()
      let stream = try await connection.openStream()
      try await stream.write([1], finish: false)
      #expect(try await stream.read(upTo: 1) == [1])
      transport = pair.server
      loop = pair.server.streamExecutor
      await pair.stop()
    }
    let isFreed = await eventually { transport == nil && loop == nil }
    #expect(isFreed)
  }
}
