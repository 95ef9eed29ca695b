import Testing

@testable import P2PCore

@Suite("Readiness by quorum")
struct QuorumGateTests {
  @Test(
    "automatic means three quarters of the pinned peers, rounded up",
    arguments: [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (7, 6), (8, 6), (63, 48), (64, 48), (511, 384)])
  func automatic(pinned: Int, required: Int) {
    #expect(QuorumGate.required(ofPinned: pinned) == required)
  }

  @Test("it is ready at once and unready only after five seconds in a row")
  func hysteresis() {
    var gate = QuorumGate(required: 3)
    #expect(!gate.isReady)
    // Seconds, peers, ready.
    let steps: [(Int, Int, Bool)] = [
      (0, 0, false), (100, 2, false), (101, 3, true), (102, 2, true), (106, 2, true), (107, 2, false), (108, 2, false),
      (109, 3, true), (110, 0, true), (114, 3, true), (115, 0, true), (119, 0, true), (120, 0, false), (121, 9, true),
      (900, 2, true), (905, 3, true),
    ]
    for (second, connected, isReady) in steps {
      #expect(gate.update(connected: connected, now: .seconds(second)) == isReady, "second \(second)")
      #expect(gate.isReady == isReady)
    }
  }

  @Test("it says when to look again")
  func review() {
    var gate = QuorumGate(required: 1)
    // Seconds, peers, ready, when to look again.
    let steps: [(Int, Int, Bool, Int?)] = [
      (1, 0, false, nil), (2, 1, true, nil), (3, 0, true, 8), (4, 0, true, 8), (8, 0, false, nil),
    ]
    for (second, connected, isReady, reviewAt) in steps {
      let answer = gate.update(connected: connected, now: .seconds(second))
      #expect(answer == isReady, "second \(second)")
      #expect(gate.reviewAt == reviewAt.map { .seconds($0) }, "second \(second)")
    }
  }

  @Test("none required is ready, and a change of the requirement counts")
  func change() {
    var gate = QuorumGate(required: 0)
    // Required, connected, second, ready.
    for (required, connected, second, isReady) in [(0, 0, 0, true), (2, 1, 1, true), (2, 1, 6, false), (1, 1, 7, true)]
    {
      gate.required = required
      let answer = gate.update(connected: connected, now: .seconds(second))
      #expect(answer == isReady, "second \(second)")
    }
  }
}
