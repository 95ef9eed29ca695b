import RandomInput
import Testing

@testable import P2PCore

@Suite("Which connections stay")
struct KeepingTests {
  @Test("both ends of two simultaneous dials keep the same connection and close the other once")
  func simultaneous() throws {
    var generator = SplitMix64(seed: testSeed)
    var kept: Set<Direction> = []
    for _ in 0..<5_000 {
      let first = try Self.randomPeer(&generator)
      let second = try Self.randomPeer(&generator)
      let direction = SimultaneousDial.keptDirection(local: first, remote: second)
      kept.insert(direction)
      #expect(SimultaneousDial.keptDirection(local: second, remote: first) != direction, "seed \(testSeed)")
      // What one dialled is inbound to the other.
      for (connection, seenByOther) in [(Direction.outbound, Direction.inbound), (.inbound, .outbound)] {
        let closes = [
          SimultaneousDial.closes(connection, local: first, remote: second),
          SimultaneousDial.closes(seenByOther, local: second, remote: first),
        ]
        #expect(closes.count { $0 } == (connection == direction ? 0 : 1), "seed \(testSeed)")
        #expect(!(closes[0] && connection == .inbound) && !(closes[1] && seenByOther == .inbound), "seed \(testSeed)")
      }
    }
    #expect(kept.count == 2)
  }

  @Test("the smaller id's dial stays, by bytes")
  func smaller() throws {
    let small = try testPeer(1)
    // Its eight bytes begin with 0x80: large, unless bytes were taken as signed.
    let large = try testPeer(.min)
    #expect(SimultaneousDial.keptDirection(local: small, remote: large) == .outbound)
    #expect(SimultaneousDial.keptDirection(local: large, remote: small) == .inbound)
    #expect(SimultaneousDial.closes(.outbound, local: large, remote: small))
    #expect(!SimultaneousDial.closes(.inbound, local: large, remote: small))
    #expect(!SimultaneousDial.closes(.outbound, local: small, remote: large))
    #expect(!SimultaneousDial.closes(.inbound, local: small, remote: large))
  }

  /// Of either form: hashed or with the key inlined.
  private static func randomPeer(_ generator: inout SplitMix64) throws -> PeerID {
    Bool.random(using: &generator)
      ? try PeerID(multihash: [0x12, 0x20] + generator.bytes(32))
      : PeerID(publicKey: PublicKey(type: .ed25519, data: generator.bytes(32)), sha256: SHA256.hash)
  }

  private static func candidate(
    _ id: String, pinned: Bool = false, streams: Int = 0, opened: Int = 1_000, idle: Int = 0, rank: Int = 0
  ) -> TrimCandidate {
    TrimCandidate(
      id: id, isPinned: pinned, streams: streams, openedFor: .seconds(opened), idleFor: .seconds(idle), rank: rank)
  }

  @Test("up to the high water nothing is trimmed, above it down to the low water")
  func water() {
    let policy = TrimPolicy(lowWater: 2, highWater: 4)
    let open = ["a", "b", "c", "d", "e", "f"].map { Self.candidate($0) }
    #expect(policy.choose(from: []) == [])
    #expect(policy.choose(from: Array(open.prefix(4))) == [])
    #expect(policy.choose(from: Array(open.prefix(5))) == ["a", "b", "c"])
    #expect(policy.choose(from: open.reversed()) == ["a", "b", "c", "d"])
    #expect(TrimPolicy(lowWater: 0, highWater: 0).choose(from: open) == [])
    #expect(TrimPolicy(lowWater: 9, highWater: 4).choose(from: open) == ["a", "b"])
  }

  @Test("the least worth goes first, then what has no streams, then the longest idle")
  func order() {
    let open = [
      Self.candidate("valued", idle: 900, rank: 5),
      Self.candidate("busy", streams: 3, idle: 0),
      Self.candidate("quiet", streams: 1, idle: 700),
      Self.candidate("idle", idle: 60),
      Self.candidate("idlest", idle: 600),
      Self.candidate("worthless", streams: 9, rank: -1),
      Self.candidate("younger", opened: 100, idle: 60),
    ]
    let policy = TrimPolicy(lowWater: 0, highWater: 1)
    #expect(policy.choose(from: open) == ["worthless", "idlest", "younger", "idle", "quiet", "busy", "valued"])
  }

  @Test("pinned and young ones stay, even above the water")
  func exempt() {
    let open = [
      Self.candidate("pinned", pinned: true, idle: 9_999), Self.candidate("young", opened: 59, idle: 59),
      Self.candidate("old", opened: 60), Self.candidate("older", opened: 61),
    ]
    #expect(TrimPolicy(lowWater: 0, highWater: 1).choose(from: open) == ["old", "older"])
    #expect(TrimPolicy(lowWater: 3, highWater: 3).choose(from: open) == ["old"])
    var patient = TrimPolicy(lowWater: 0, highWater: 1)
    patient.grace = .seconds(61)
    #expect(patient.choose(from: open) == ["older"])
  }
}
