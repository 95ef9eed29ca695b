import P2PCore
import Testing

@testable import HostTestKit
@testable import P2PHost

@Suite("Streams that a remote opens and leaves", .timeLimit(.minutes(1)))
struct AbandonedStreamsTests {
  private static let count = 10_000

  /// Lets the router's seconds pass.
  private static func pass(_ seconds: Int, _ clock: TestClock) async {
    for _ in 0..<seconds {
      await clock.sleeper(of: .seconds(1))
      clock.advance(by: .seconds(1))
    }
    await clock.sleeper(of: .seconds(1))
  }

  @Test(
    "cost what a peer's limit allows, whatever they have said, and nothing once their time is over",
    arguments: [0, 1, 20, 30])
  func left(bytesSent: Int) async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    // So that no other sleeper is as long as the ticker.
    let node = try await Node.started(1, network, clock: clock) { $0.limits.identifyTimeout = .seconds(1_000) }
    let limit = 512
    let attacker = try await Attacker(2, against: node, network)
    let beginning = Array(Attacker.proposal("/ipfs/ping/1.0.0").prefix(bytesSent))
    let start = ContinuousClock.now
    var streams: [MemoryStream] = []
    for _ in 0..<Self.count {
      let stream = try attacker.open()
      // A stream above the limit may be gone by now.
      do { try await stream.write(beginning, finish: false) } catch { #expect(error == .reset(code: 0x1002)) }
      streams.append(stream)
    }
    #expect(try await eventually { node.host.counters.snapshot().streamsRefused == UInt64(Self.count - limit) })
    let each = (ContinuousClock.now - start) / Self.count
    #expect(node.host.router.streams == limit)
    for stream in streams[limit...] { #expect(stream.incoming.error == .reset(code: StreamCode.resourceLimitExceeded)) }
    await Self.pass(11, clock)
    #expect(try await eventually { node.host.router.streams == 0 })
    for stream in streams[..<limit] {
      #expect(stream.incoming.error == .reset(code: StreamCode.protocolNegotiationFailed))
    }
    let figures = node.host.counters.snapshot()
    #expect(figures.streamsOpened == UInt64(limit) && figures.negotiationsFailed == UInt64(limit))
    #expect(!attacker.connection.isClosed)
    print("\(Self.count) streams left after \(bytesSent) bytes: \(limit) held for 10 s, the others reset, \(each) each")
  }

  @Test("that name their protocol and leave are held to its limits")
  func named() async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    let node = try await Node.started(1, network, clock: clock) { $0.limits.identifyTimeout = .seconds(1_000) }
    try await node.host.register(EchoHandler())
    let attacker = try await Attacker(2, against: node, network)
    let proposal = Attacker.proposal("example/echo/v1.0.0")
    let start = ContinuousClock.now
    for _ in 0..<Self.count {
      let stream = try attacker.open()
      do throws(StreamError) {
        try await stream.write(proposal, finish: false)
        _ = try await stream.read(upTo: proposal.count)
      } catch {
        #expect(error == .reset(code: StreamCode.rateLimited))
      }
      stream.reset(code: 0)
    }
    let each = (ContinuousClock.now - start) / Self.count
    #expect(try await eventually { node.host.router.streams == 0 })
    let info = try #require(await node.host.protocols().first { $0.ids.contains("example/echo/v1.0.0") })
    // A second's worth, as no second has passed.
    #expect(info.opened == 100)
    #expect(info.refused[StreamRefusalReason.streamsPerSecondPerPeer.index] == UInt64(Self.count - 100))
    #expect(!attacker.connection.isClosed)
    print("\(Self.count) streams that named a protocol: \(info.opened) served, the others reset, \(each) each")
  }

  @Test("that name their protocol byte by byte are served, and those that drip for ever are not")
  func drip() async throws {
    let network = MemoryNetwork()
    let clock = TestClock()
    let node = try await Node.started(1, network, clock: clock) { $0.limits.identifyTimeout = .seconds(1_000) }
    try await node.host.register(EchoHandler())
    let attacker = try await Attacker(2, against: node, network)
    let proposal = Attacker.proposal("example/echo/v1.0.0")
    let patient = try attacker.open()
    for byte in proposal + VarintFramer.frame([1, 2]) { try await patient.write([byte], finish: false) }
    #expect(try await Attacker.read(proposal.count + 3, from: patient) == proposal + [2, 1, 2])
    // One byte a second: over after ten of them.
    let slow = try attacker.open()
    var sent = 0
    for byte in proposal {
      do { try await slow.write([byte], finish: false) } catch { break }
      sent += 1
      // Virtual time is faster than the news of the stream.
      if sent == 1 { #expect(try await eventually { node.host.router.streams == 2 }) }
      await Self.pass(1, clock)
    }
    #expect(sent <= 12)
    #expect(try await eventually { slow.incoming.error == .reset(code: StreamCode.protocolNegotiationFailed) })
    #expect(try await eventually { node.host.counters.snapshot().negotiationsFailed == 1 })
    #expect(!attacker.connection.isClosed)
  }
}
