import P2PCore
import Testing

@testable import QUIC

@Suite("Lost packets", .timeLimit(.minutes(2))) struct PacketLossTests {
  private static let bytes = [UInt8](repeating: 9, count: 1_000_000)

  private func lost(_ node: SimulatedNetwork.Node) throws -> Int {
    let statistics = (node.connections.first as? QUICConnectionHandle)?.statisticsNow()
    return Int(try #require(statistics?.packetsLost))
  }

  @Test("on a clean link none is lost")
  func clean() throws {
    let network = SimulatedNetwork(seed: 1)
    let (client, server) = (try network.addNode("client"), try network.addNode("server"))
    let dial = network.connect(client, server)
    #expect(network.transfer(Self.bytes, over: dial, to: server) == Self.bytes)
    #expect(try self.lost(client) == 0)
    #expect(try self.lost(server) == 0)
  }

  @Test("what a lossy link takes is counted, on the side that sent it, over all streams", arguments: 1...5)
  func lossy(_ seed: UInt64) throws {
    let network = SimulatedNetwork(seed: seed)
    let (client, server) = (try network.addNode("client"), try network.addNode("server"))
    let dial = network.connect(client, server)
    network.conditions.loss = 0.02
    var before = 0
    for _ in 0..<3 {
      #expect(network.transfer(Self.bytes, over: dial, to: server) == Self.bytes)
      let lost = try self.lost(client)
      #expect(lost > before, "seed \(seed)")
      before = lost
    }
    network.conditions.loss = 0
    network.run(seconds: 2)
    // Lost acknowledgements and probes for a larger packet are none; a timeout may find the last of a stream first.
    let (lost, taken) = (try self.lost(client), client.datagramsLost)
    #expect(taken > 20)
    #expect((taken * 3 / 4...taken * 5 / 4).contains(lost), "seed \(seed): \(lost) counted, \(taken) taken")
    #expect(try self.lost(server) == 0)

    client.endpoint.closeAll(code: 0, words: "", now: network.now)
    #expect(client.connections.first?.finalStatistics?.packetsLost == UInt64(lost))
  }

  @Test("losses on a dead link are counted when it is back")
  func blackhole() throws {
    let network = SimulatedNetwork(seed: 2)
    let (client, server) = (try network.addNode("client"), try network.addNode("server"))
    let dial = network.connect(client, server)
    guard case .success(let stream)? = dial.connection?.openStream() else { return }
    _ = stream.tryWrite(Self.bytes, finish: false)
    network.run(seconds: 0.05)
    network.conditions.isBlackhole = true
    network.run(seconds: 2)
    network.conditions.isBlackhole = false
    network.run(seconds: 5)
    #expect(try self.lost(client) > 0)
  }
}
