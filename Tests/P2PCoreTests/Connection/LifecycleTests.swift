import Testing

@testable import P2PCore

@Suite("Life of a peer and of a connection")
struct LifecycleTests {
  enum Input: Sendable {
    case dial
    case dialed(DialEnding)
    case opened, closing
    case closed(wasClosing: Bool, lost: Bool)
  }

  private static func apply(_ input: Input, _ life: inout PeerLifecycle) -> LinkChange? {
    switch input {
    case .dial: life.dialStarted()
    case .dialed(let ending): life.dialEnded(ending)
    case .opened: life.connectionOpened()
    case .closing: life.connectionClosing()
    case .closed(let wasClosing, let lost): life.connectionClosed(wasClosing: wasClosing, lost: lost)
    }
  }

  @Test(
    "a peer goes from state to state",
    arguments: [
      ([.dial, .opened, .dialed(.connected)], [.connecting, .connected, .connected]),
      ([.dial, .dialed(.failed)], [.connecting, .failed]),
      ([.dial, .dialed(.cancelled)], [.connecting, .idle]),
      ([.dial, .dialed(.failed), .dial, .dialed(.cancelled)], [.connecting, .failed, .connecting, .failed]),
      ([.dial, .dial, .dialed(.failed), .dialed(.failed)], [.connecting, .connecting, .connecting, .failed]),
      ([.opened, .closed(wasClosing: false, lost: false)], [.connected, .idle]),
      ([.opened, .closed(wasClosing: false, lost: true)], [.connected, .failed]),
      ([.opened, .closing, .closed(wasClosing: true, lost: false)], [.connected, .disconnecting, .idle]),
      ([.opened, .opened, .closing, .closed(wasClosing: true, lost: false)], Array(repeating: .connected, count: 4)),
      ([.opened, .closing, .opened], [.connected, .disconnecting, .connected]),
      (
        [.opened, .closing, .dial, .closed(wasClosing: true, lost: false), .dialed(.failed)],
        [.connected, .disconnecting, .connecting, .connecting, .failed]
      ),
      (
        [.opened, .closing, .dial, .dialed(.failed), .closed(wasClosing: true, lost: false)],
        [.connected, .disconnecting, .connecting, .disconnecting, .idle]
      ),
      ([.opened, .dial, .closed(wasClosing: false, lost: true)], [.connected, .connected, .connecting]),
      ([.dial, .dialed(.failed), .opened], [.connecting, .failed, .connected]),
      ([.dial, .opened, .dialed(.failed)], [.connecting, .connected, .connected]),
    ] as [([Input], [LinkState])])
  func peer(inputs: [Input], states: [LinkState]) {
    var life = PeerLifecycle()
    var before = LinkState.idle
    for (input, expected) in zip(inputs, states) {
      let change = Self.apply(input, &life)
      #expect(life.state == expected)
      #expect(change == (before == expected ? nil : LinkChange(from: before, to: expected)))
      before = expected
    }
  }

  @Test("a peer is at rest only when nothing is open and nothing under way")
  func rest() {
    var life = PeerLifecycle()
    #expect(life.isAtRest)
    _ = life.dialStarted()
    #expect(!life.isAtRest)
    _ = life.connectionOpened()
    _ = life.dialEnded(.connected)
    #expect(!life.isAtRest)
    _ = life.connectionClosing()
    #expect(!life.isAtRest)
    _ = life.connectionClosed(wasClosing: true, lost: false)
    #expect(life.isAtRest)
  }

  @Test("random lives keep to the table of transitions")
  func randomLives() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var state = seed
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for _ in 0..<200 {
      var life = PeerLifecycle()
      var dials = 0
      var live = 0
      var closing = 0
      for _ in 0..<100 {
        let before = life.state
        let change: LinkChange?
        switch random(6) {
        case 0:
          change = life.dialStarted()
          dials += 1
        case 1 where dials > 0:
          change = life.dialEnded([.connected, .failed, .cancelled][random(3)])
          dials -= 1
        case 2:
          change = life.connectionOpened()
          live += 1
        case 3 where live > 0:
          change = life.connectionClosing()
          live -= 1
          closing += 1
        case 4 where closing > 0:
          change = life.connectionClosed(wasClosing: true, lost: random(2) == 0)
          closing -= 1
        case 5 where live > 0:
          change = life.connectionClosed(wasClosing: false, lost: random(2) == 0)
          live -= 1
        default: continue
        }
        if let change {
          #expect(change.from == before && change.to == life.state, "seed \(seed)")
          #expect(change.from.mayBecome(change.to), "seed \(seed)")
        }
        #expect((life.state == .connected) == (live > 0), "seed \(seed)")
        #expect(life.isAtRest == (dials + live + closing == 0), "seed \(seed)")
      }
    }
  }

  @Test("no state follows itself, and only a dial or a connection leads out of idle")
  func table() {
    for state in LinkState.allCases { #expect(!state.mayBecome(state)) }
    #expect(!LinkState.idle.mayBecome(.failed))
    #expect(!LinkState.idle.mayBecome(.disconnecting))
    #expect(!LinkState.failed.mayBecome(.disconnecting))
  }

  @Test("a connection closes once and for the first reason", arguments: [true, false])
  func connection(lost: Bool) {
    let end: LinkState = lost ? .failed : .idle
    let ours = CloseReason("trimmed", initiator: .local, code: ConnectionCode.garbageCollected)
    let last = CloseReason("last_word", initiator: lost ? .none : .remote)
    var closes = ConnectionLifecycle()
    #expect(closes.state == .connected && closes.reason == nil)
    #expect(closes.drainTimedOut() == .nothing)
    #expect(closes.closing(ours) == .close(LinkChange(from: .connected, to: .disconnecting)))
    #expect(closes.closing(last) == .nothing)
    #expect(closes.reason == ours)
    #expect(closes.closed(last) == .publish(LinkChange(from: .disconnecting, to: end), wasClosing: true))
    #expect(closes.closed(last) == .nothing)
    #expect(closes.closing(last) == .nothing)
    #expect(closes.drainTimedOut() == .nothing)
    #expect(closes.state == end && closes.reason == ours)

    var breaks = ConnectionLifecycle()
    #expect(breaks.closed(last) == .publish(LinkChange(from: .connected, to: end), wasClosing: false))
    #expect(breaks.closed(ours) == .nothing)
    #expect(breaks.reason == last)
  }
}
