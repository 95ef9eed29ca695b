import P2PCore
import P2PHost
import Testing

@testable import HostTestKit

@Suite("Two hosts", .timeLimit(.minutes(1)))
struct HostTests {
  @Test("dial, identify and ping each other")
  func dialIdentifyPing() async throws {
    let network = MemoryNetwork()
    let first = try await Node.started(1, network)
    let second = try await Node.started(2, network)

    let result = await first.host.dial(peer: second.peer, addresses: [second.address], timeout: nil)
    #expect(result.error == nil)
    #expect(result.connection?.peerID == second.peer)
    #expect(result.connection?.state == .connected)
    #expect(result.attempts.map(\.outcome) == [.connected])
    await first.recorder.first("peer.identified", peer: second.peer)
    await second.recorder.first("peer.identified", peer: first.peer)

    let seen = try #require(await first.host.peer(second.peer))
    #expect(seen.agentVersion == "fednode/test-2")
    #expect(seen.protocols == ["/ipfs/id/1.0.0", "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0"])
    #expect(seen.state == .connected)
    #expect(seen.direction == .outbound)
    #expect(seen.addresses.map(\.address) == [second.address])

    let pings = try #require(await second.host.ping(first.peer, count: 3, timeout: .seconds(5)))
    #expect(pings.count == 3)
    #expect(pings.allSatisfy { $0.error == nil && $0.rtt != nil })
    let node = await second.host.node()
    #expect(node.observedAddresses.map(\.address) == [second.address])
    #expect(node.connectionsByDirection == [.inbound: 1])
  }
}
