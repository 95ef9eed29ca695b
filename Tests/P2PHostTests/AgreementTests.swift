import P2PCore
import Testing

@testable import HostTestKit
@testable import P2PHost

@Suite("What a protocol agrees on with peers", .timeLimit(.minutes(1)))
struct AgreementTests {
  private static let agreement = PeerAgreement(
    version: "1.0.0", network: "regtest", capabilities: ["a"], agent: "other/1", frameLimit: 1 << 20, clockOffset: nil,
    since: TestClock.start)

  private static func refused(_ code: String, permanent: Bool) -> PeerAgreementFailure {
    PeerAgreementFailure(code: code, detail: "no", by: .local, isPermanent: permanent, at: TestClock.start)
  }

  /// Two hosts on one clock; the first has pinned the second and is connected to it.
  private static func pinnedPair(
    _ clock: TestClock, configure: (inout HostConfiguration) -> Void = { _ in }
  ) async throws -> (Node, Node, any Connection) {
    let network = MemoryNetwork()
    let first = try await Node.started(1, network, clock: clock, configure: configure)
    let second = try await Node.started(2, network, clock: clock)
    _ = try await first.host.putPeer(second.peer, addresses: [second.address], name: "two", pinned: true)
    await first.recorder.first("dial.ended", peer: second.peer)
    return (first, second, try #require(await first.host.liveConnection(to: second.peer)))
  }

  @Test("a pinned peer counts for the quorum only while something is agreed with it")
  func quorum() async throws {
    let clock = TestClock()
    let (first, second, connection) = try await Self.pinnedPair(clock) {
      $0.countsAgreements = true
      $0.connectedPeersMin = 1
    }
    #expect(await first.host.node().pinned == PinnedCounts(total: 1, connected: 1))
    #expect(await first.host.node().quorum.isMet == false)
    await first.host.agreementChanged(with: second.peer, on: connection, reason: nil) { Self.agreement }
    #expect(await first.host.node().quorum.isMet)
    #expect(await first.host.peer(second.peer)?.agreement == Self.agreement)
    // A second stream that agrees is no news.
    await first.host.agreementChanged(with: second.peer, on: connection, reason: nil) { Self.agreement }
    #expect(first.recorder.all.count { $0.type == "federation.agreed" } == 1)
    await first.host.agreementChanged(with: second.peer, on: connection, reason: "the stream ended") { nil }
    await first.host.agreementChanged(with: second.peer, on: connection, reason: "again") { nil }
    #expect(first.recorder.all.count { $0.type == "federation.ended" } == 1)
    #expect(await first.host.node().pinned.agreed == 0)
  }

  @Test("a member that is refused for good is failed, closed with 0x1007 and retried at the slow end, on both sides")
  func permanent() async throws {
    let clock = TestClock()
    let (first, second, connection) = try await Self.pinnedPair(clock)
    await first.host.agreementFailed(
      with: second.peer, on: connection, Self.refused("network_mismatch", permanent: true))
    #expect(await first.host.state(of: second.peer) == .disconnecting)
    // What was said on streams has a second to arrive.
    try await clock.pass(.seconds(1))
    let change = await first.recorder.first("peer.state_changed", peer: second.peer, to: "failed")
    #expect(change["reason"] == "network_mismatch")
    #expect(await first.host.state(of: second.peer) == .failed)
    let info = try #require(await first.host.peer(second.peer))
    #expect(info.agreementFailure?.code == "network_mismatch")
    #expect(info.lastDisconnect?.reason.code == ConnectionCode.gated)
    let wait = try #require(info.backoff)
    #expect(wait >= .seconds(150), "\(wait)")
    // The other side hears the refusal, and is as slow to come back.
    await second.recorder.first("peer.state_changed", peer: first.peer, to: "failed")
    #expect(await second.host.peer(first.peer)?.lastDisconnect?.reason.isRefusal == true)
  }

  @Test("one that is refused closes as well, but leaves the other free to come back at once")
  func refusedByRemote() async throws {
    let clock = TestClock()
    let (first, second, connection) = try await Self.pinnedPair(clock)
    var failure = Self.refused("not_a_member", permanent: true)
    failure.by = .remote
    await first.host.agreementFailed(with: second.peer, on: connection, failure)
    try await clock.pass(.seconds(1))
    await first.recorder.first("peer.state_changed", peer: second.peer, to: "failed")
    await second.recorder.first("peer.state_changed", peer: first.peer, to: "idle")
    #expect(await second.host.peer(first.peer)?.lastDisconnect?.reason.code == ConnectionCode.protocolNegotiationFailed)
  }

  @Test("a refusal that may pass, or of a stranger, leaves the connection alone")
  func temporary() async throws {
    let clock = TestClock()
    let (first, second, connection) = try await Self.pinnedPair(clock)
    await first.host.agreementFailed(with: second.peer, on: connection, Self.refused("busy", permanent: false))
    #expect(try await eventually { await second.host.liveConnection(to: first.peer) != nil })
    let back = try #require(await second.host.liveConnection(to: first.peer))
    await second.host.agreementFailed(with: first.peer, on: back, Self.refused("not_a_member", permanent: true))
    #expect(await first.host.state(of: second.peer) == .connected)
    #expect(await second.host.state(of: first.peer) == .connected)
    #expect(second.recorder.all.contains { $0.type == "federation.rejected" })
    // The same at the same moment is told once.
    await first.host.agreementFailed(with: second.peer, on: connection, Self.refused("busy", permanent: false))
    #expect(first.recorder.all.count { $0.type == "federation.rejected" } == 1)
    await first.host.agreementChanged(with: second.peer, on: connection, reason: nil) { Self.agreement }
    #expect(await first.host.peer(second.peer)?.agreementFailure == nil)
  }

  @Test("a clock that is off by more than 200 ms is warned of once a minute")
  func clocks() async throws {
    let clock = TestClock()
    let (first, second, connection) = try await Self.pinnedPair(clock)
    await first.host.agreementChanged(with: second.peer, on: connection, reason: nil) { Self.agreement }
    for offset: Int64 in [200, -201, 5_000] { await first.host.clockMeasured(of: second.peer, offset: offset) }
    #expect(first.recorder.all.filter { $0.type == "peer.clock_skew" }.count == 1)
    #expect(await first.host.node().pinned.skewed == 1)
    #expect(await first.host.peer(second.peer)?.agreement?.clockOffset == 5_000)
    try await clock.pass(.seconds(60))
    await first.host.clockMeasured(of: second.peer, offset: 250)
    #expect(first.recorder.all.filter { $0.type == "peer.clock_skew" }.count == 2)
  }
}
