import Glibc
import Logging
import P2PCore
import Testing

@testable import HostTestKit
@testable import P2PHost

/// What a host logs for bad input: one visible line a peer, minute and kind.
@Suite("The log of a host under attack", .serialized, .timeLimit(.minutes(1)))
struct HostileLogTests {
  /// Lines of at least `notice` that `body` causes and that name `peer`.
  private static func lines(about peer: String, _ body: () async throws -> Void) async throws -> [String] {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    defer { close(ends[0]) }
    LogBackend.bootstrap(level: .notice, format: .text, output: ends[1])
    defer { LogBackend.bootstrap(level: .info, format: .text) }
    do {
      try await body()
    } catch {
      close(ends[1])
      throw error
    }
    LogBackend.bootstrap(level: .info, format: .text)
    close(ends[1])
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while case let count = read(ends[0], &chunk, chunk.count), count > 0 { bytes += chunk.prefix(count) }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init).filter { $0.contains(peer) }
  }

  static let abuses: [(bytes: [UInt8], words: String)] = [
    (Array("GET / HTTP/1.1\r\nHost: a.node.that.does.not.speak.http.example\r\n".utf8), "no protocol agreed"),
    (Attacker.proposal("/ipfs/ping/1.0.0") + [1, 2, 3], "middle of a message"),
    (Attacker.proposal("/ipfs/id/push/1.0.0") + [0x80, 0x80, 0x40], "announced a message of more than"),
  ]

  @Test("has one line for a hundred streams that break a protocol", arguments: abuses)
  func violations(bytes: [UInt8], words: String) async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    let lines = try await Self.lines(about: "\(attacker.transport.peer)") {
      for _ in 0..<100 {
        let stream = try attacker.open()
        try await stream.write(bytes, finish: true)
        do { while try await stream.read(upTo: 4096) != nil {} } catch { continue }
      }
      for _ in 0..<100_000 where node.host.router.streams > 0 { await Task.yield() }
    }
    #expect(lines.count == 1)
    #expect(lines.first?.contains(words) == true, "\(lines)")
    let figures = node.host.counters.snapshot()
    #expect(figures.negotiationsFailed + figures.handlersFailed == 100)
  }

  @Test("has one line for all streams beyond the limit")
  func surplus() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network) { $0.limits.streams.total = 4 }
    let attacker = try await Attacker(2, against: node, network)
    let lines = try await Self.lines(about: "\(attacker.transport.peer)") {
      let streams = try (0..<100).map { _ in try attacker.open() }
      for stream in streams[4...] {
        do { while try await stream.read(upTo: 10) != nil {} } catch { continue }
      }
    }
    #expect(lines.count == 1)
    #expect(lines.first?.contains("too many are open") == true)
  }

  @Test("has no line for a peer that merely leaves")
  func leaving() async throws {
    let network = MemoryNetwork()
    let node = try await Node.started(1, network)
    let attacker = try await Attacker(2, against: node, network)
    let lines = try await Self.lines(about: "\(attacker.transport.peer)") {
      try await attacker.open().write(Attacker.proposal("/ipfs/ping/1.0.0") + [1], finish: false)
      attacker.connection.vanish()
      for _ in 0..<100_000 where node.host.router.streams > 0 { await Task.yield() }
    }
    #expect(lines.isEmpty, "\(lines)")
  }

  @Test("tells how many datagrams were dropped")
  func drops() async throws {
    let node = try await Node.started(1, MemoryNetwork())
    let lines = try await Self.lines(about: "\(Node.address(66))") {
      node.transport.tell(.datagramsDropped(count: 17, lastFrom: Node.address(66)))
      node.transport.tell(.inboundRefused(remoteAddress: Node.address(66), reason: "x"))
      await node.recorder.first("peer.refused")
    }
    #expect(lines.count == 1)
    #expect(lines.first?.contains("count=17") == true)
  }
}
