import P2PCore
import Testing

@testable import Federation
@testable import HostTestKit
@testable import P2PHost

@Suite("Members that find each other", .timeLimit(.minutes(1)))
struct ServiceTests {
  private static func version(_ major: Int, _ minor: Int) -> SemanticVersion {
    SemanticVersion(major: major, minor: minor, patch: 0)
  }

  @Test("the dialler opens the session; both know what was agreed, and count each other")
  func agreement() async throws {
    let network = MemoryNetwork()
    let other = try await Member.started(
      2, network, known: [1], offer: Member.offer(capabilities: ["b", "c"], frameLimit: 65_536))
    let one = try await Member.started(1, network, pinned: [2], offer: Member.offer(capabilities: ["a", "b"]))
    #expect(try await Member.agree(one, other))
    let agreement = try #require(await one.agreement(with: other))
    #expect(agreement.version == "1.0.0" && agreement.network == "regtest" && agreement.agent == "member/1")
    #expect(agreement.capabilities == ["b"])
    #expect(agreement.frameLimit == 65_536)
    // The initiator measured with the handshake itself.
    #expect(agreement.clockOffset.map { abs($0) < 200 } == true)
    #expect(await other.agreement(with: one)?.frameLimit == FederationProtocol.frameLimitDefault)
    #expect(one.events("federation.agreed").count == 1 && other.events("federation.agreed").count == 1)
    let told = await one.host.node()
    #expect(told.pinned == PinnedCounts(total: 1, connected: 1, agreed: 1))
    #expect(told.quorum.isMet && told.quorum.required == 1)
    #expect(one.host.counters.snapshot().agreements == [.init(.outbound, "agreed"): 1])
    #expect(other.host.counters.snapshot().agreements == [.init(.inbound, "agreed"): 1])
    await one.host.shutdown(timeout: .zero)
    _ = await other.node.recorder.first("federation.ended")
    #expect(await other.agreement(with: one) == nil)
  }

  @Test("members of different networks fail on both sides, with the code, and come back slowly")
  func networks() async throws {
    let network = MemoryNetwork()
    let other = try await Member.started(2, network, pinned: [1], offer: Member.offer(network: "signet"))
    let one = try await Member.started(1, network, pinned: [2])
    for (member, peer) in [(one, other), (other, one)] {
      await member.node.recorder.first("peer.state_changed", peer: peer.peer, to: "failed")
      let failure = try #require(await member.failure(with: peer))
      #expect(failure.code == "network_mismatch" && failure.isPermanent)
      // A dial of the other side may be under way, which ends likewise.
      #expect(try await eventually { await member.host.peer(peer.peer)?.state == .failed })
    }
    // The one that dialled was refused, or was refused as it dialled: one of the two waits long, and so does the other
    // unless it has not heard yet.
    #expect(
      try await eventually {
        let waits = await (one.host.peer(other.peer)?.backoff, other.host.peer(one.peer)?.backoff)
        return [waits.0, waits.1].allSatisfy { $0.map { $0 >= .seconds(100) } ?? false }
      })
  }

  @Test("a stranger is refused until it is put into the address book; then it is dialled at once")
  func membership() async throws {
    let network = MemoryNetwork()
    let other = try await Member.started(2, network)
    let one = try await Member.started(1, network, pinned: [2])
    await one.node.recorder.first("peer.state_changed", peer: other.peer, to: "failed")
    #expect(await one.failure(with: other)?.code == "not_a_member")
    #expect(await one.failure(with: other)?.by == .remote)
    let refused = await other.node.recorder.first("federation.rejected")
    #expect(refused["code"] == "not_a_member" && refused["by"] == "local")
    _ = try await other.host.putPeer(one.peer, addresses: [Node.address(1)], name: nil, pinned: true)
    #expect(try await Member.agree(one, other))
    #expect(await one.failure(with: other) == nil)
  }

  @Test("the highest minor version of the highest common major is agreed on, whoever dials")
  func versions() async throws {
    let old = [Self.version(1, 0)]
    let wide = (0...3).map { Self.version(1, $0) }
    let twoMajors = [Self.version(2, 0), Self.version(1, 1), Self.version(1, 0)]
    let table: [(dialler: [SemanticVersion], dialled: [SemanticVersion], agreed: String?)] = [
      (old, old, "1.0.0"), (old, wide, "1.0.0"), (wide, old, "1.0.0"), (wide, wide, "1.3.0"),
      (twoMajors, wide, "1.1.0"), (wide, twoMajors, "1.1.0"), (twoMajors, twoMajors, "2.0.0"),
      ([Self.version(1, 0), Self.version(1, 9)], wide, "1.0.0"), ([Self.version(2, 0)], wide, nil),
      (wide, [Self.version(2, 0)], nil),
    ]
    for row in table {
      let network = MemoryNetwork()
      let other = try await Member.started(2, network, known: [1], offer: Member.offer(row.dialled))
      let one = try await Member.started(1, network, pinned: [2], offer: Member.offer(row.dialler))
      if let agreed = row.agreed {
        #expect(try await Member.agree(one, other), "\(row)")
        #expect(await one.agreement(with: other)?.version == agreed, "\(row)")
        #expect(await other.agreement(with: one)?.version == agreed, "\(row)")
      } else {
        _ = await one.node.recorder.first("federation.rejected")
        let code = await one.failure(with: other)?.code
        #expect(code == "no_common_version" || code == "unsupported", "\(row): \(code ?? "none")")
        let declined = await other.node.recorder.first("federation.rejected")
        #expect(declined["code"] == "no_common_version" && declined["by"] == "local", "\(row)")
      }
      await one.host.shutdown(timeout: .zero)
      await other.host.shutdown(timeout: .zero)
    }
  }

  @Test("two that dial each other at the same moment agree once and keep one session", arguments: 0..<20)
  func simultaneous(round: Int) async throws {
    let network = MemoryNetwork(jitterSeed: UInt64(round))
    async let first = Member.started(1, network, pinned: [2])
    async let second = Member.started(2, network, pinned: [1])
    let (one, other) = try await (first, second)
    #expect(try await Member.agree(one, other))
    // What gives way may take the time of a graceful close.
    #expect(
      try await eventually {
        let (there, back) = (one.federation.liveSessions.count, other.federation.liveSessions.count)
        let connections = await (one.host.connections().count, other.host.connections().count)
        return there == 1 && back == 1 && connections == (1, 1)
      })
    #expect(one.events("federation.agreed").count == 1 && other.events("federation.agreed").count == 1)
    #expect(one.events("federation.ended").isEmpty && other.events("federation.ended").isEmpty)
    #expect(one.events("federation.rejected").isEmpty && other.events("federation.rejected").isEmpty)
    await one.host.shutdown(timeout: .zero)
    await other.host.shutdown(timeout: .zero)
  }

  @Test("a clock that is off is measured by both sides and warned of")
  func clocks() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let other = try await Member.started(2, network, clock: clock, known: [1], skew: 5_000)
    let one = try await Member.started(1, network, clock: clock, pinned: [2])
    #expect(try await clock.pass(atMost: .seconds(1)) { await Member.haveAgreed(one, other) })
    // Time passes in steps while messages travel.
    #expect(await one.agreement(with: other)?.clockOffset.map { (4_500...5_500).contains($0) } == true)
    #expect(one.events("peer.clock_skew").count == 1)
    // The responder learns it from the first keep-alive of its own.
    #expect(
      try await clock.pass(atMost: .seconds(3)) {
        await other.agreement(with: one)?.clockOffset.map { (-5_500 ... -4_500).contains($0) } == true
      })
    #expect(other.events("peer.clock_skew").count == 1)
  }

  @Test("a session that ends is opened anew on the same connection, more and more slowly")
  func reopening() async throws {
    let (network, clock) = (MemoryNetwork(), TestClock())
    let other = try await Member.started(2, network, clock: clock, known: [1])
    let one = try await Member.started(1, network, clock: clock, pinned: [2])
    #expect(try await clock.pass(atMost: .seconds(1)) { await Member.haveAgreed(one, other) })
    for session in other.federation.liveSessions { session.stream.reset(code: StreamCode.none) }
    #expect(try await eventually { await one.agreement(with: other) == nil })
    #expect(one.events("federation.ended").count == 1)
    #expect(try await clock.pass(atMost: .seconds(3)) { await Member.haveAgreed(one, other) })
    #expect(await one.host.connections().count == 1)
  }
}
