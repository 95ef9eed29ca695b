import P2PCore
import Testing

@testable import QUIC

/// Streams that are given up at any moment: a graceful close waits until none is left.
@Suite struct StreamResetTests {
  @Test("a stream that its opener resets at any moment is soon gone on both sides", arguments: 1...40)
  func resetAtAnyMoment(_ seed: UInt64) throws {
    let network = SimulatedNetwork(seed: seed)
    network.conditions.jitter = seed % 4 == 0 ? 3_000_000 : 0
    network.conditions.loss = seed % 4 == 1 ? 0.2 : 0
    let client = try network.addNode("client")
    let server = try network.addNode("server")
    var random = SeededGenerator(state: seed &* 977)
    let dial = network.connect(client, server)
    for _ in 0..<10 {
      let stream = try #require(dial.connection?.openStream()).get()
      if Bool.random(using: &random) {
        _ = stream.tryWrite([UInt8](repeating: 1, count: 30), finish: Bool.random(using: &random))
      }
      network.run(seconds: Double.random(in: 0..<0.02, using: &random) * Double(Int.random(in: 0...1, using: &random)))
      stream.resetOnLoop(code: 5)
    }
    for _ in 0..<100 {
      network.run(seconds: 0.05)
      for stream in server.streams { Self.serve(stream) }
    }
    #expect(dial.connection?.streams.isEmpty == true)
    let statistics = (server.connections.first as? QUICConnectionHandle)?.statisticsNow()
    #expect(statistics?.streamsInbound == 0)
  }

  /// Gives up with its remote.
  private static func serve(_ stream: QUICStream) {
    switch stream.tryRead(upTo: 100) {
    case .bytes, .wait: break
    case .end, .failed: stream.resetOnLoop(code: 6)
    }
  }
}
