import Foundation
import P2PCore
import RandomInput
import Testing

@testable import Federation

/// Random and mutated frames. They may be refused, never trap; what is taken comes out the same when it is written
/// and read again.
@Suite("Malformed frames")
struct MalformedFrameTests {
  private static let count = ProcessInfo.processInfo.environment["FEDNODE_TEST_INPUTS"].flatMap { Int($0) } ?? 15_000

  private static func corpus() throws -> [[UInt8]] {
    let vectors: [VectorTests.FrameVector] = try loadVectors("frames")
    return try vectors.map { try bytes(hex: $0.frame) }
  }

  @Test("are decoded or refused")
  func decoded() throws {
    var generator = SplitMix64(seed: testSeed)
    let corpus = try Self.corpus()
    var taken = 0
    for _ in 0..<Self.count {
      let input = generator.mutated(corpus.randomElement(using: &generator) ?? [])
      let message: Message?
      do { message = try Message(frame: input) } catch { continue }
      guard let message else { continue }
      taken += 1
      if try Message(frame: message.frame) != message {
        Issue.record("seed \(testSeed), \(hex(input)): written again it is another")
        return
      }
    }
    #expect(taken > 0)
  }

  @Test("are answered by either side of a handshake and within a session")
  func answered() throws {
    var generator = SplitMix64(seed: testSeed)
    let corpus = try Self.corpus()
    let ours = try offer(["1.0.0", "1.3.0"])
    var session = Session(try agreement(), now: .zero)
    for _ in 0..<Self.count {
      let input = generator.mutated(corpus.randomElement(using: &generator) ?? [])
      let time = generator.next()
      var responder = HandshakeResponder(offer: ours, protocolID: ours.spoken.ids[1])
      let answer = responder.received(
        input, isMember: true, bytesBehind: false, receivedMilliseconds: time, nowMilliseconds: begin)
      guard answer != .nothing else {
        Issue.record("seed \(testSeed), \(hex(input)): no answer")
        return
      }
      var initiator = HandshakeInitiator(offer: ours)
      _ = initiator.start(nowMilliseconds: begin)
      let outcome = initiator.received(input, protocolID: ours.spoken.ids[1], nowMilliseconds: time)
      guard outcome != .nothing else {
        Issue.record("seed \(testSeed), \(hex(input)): no outcome")
        return
      }
      _ = session.timer(now: .seconds(20), nowMilliseconds: time)
      _ = session.received(input, now: .seconds(20), nowMilliseconds: time)
    }
  }
}
