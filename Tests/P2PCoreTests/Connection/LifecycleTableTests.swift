import Testing

@testable import P2PCore

@Suite("All states and all inputs of a peer and of a connection")
struct LifecycleTableTests {
  enum Input: Sendable, Hashable, CaseIterable {
    case dial, dialConnected, dialFailed, dialCancelled
    case open, close, closedByUs, lostWhileClosing, closedByPeer, lost
  }

  /// A state and the inputs that lead to it.
  struct Start: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let inputs: [Input]
    /// What each input makes of it, in the order of `Input.allCases`. Nil: nothing that could end has begun, so the
    /// input would be the host's own mistake.
    let ends: [LinkState?]

    init(_ name: String, _ inputs: [Input], _ ends: [LinkState?]) {
      self.testDescription = name
      self.inputs = inputs
      self.ends = ends
    }
  }

  private static func apply(_ input: Input, _ life: inout PeerLifecycle) -> LinkChange? {
    switch input {
    case .dial: life.dialStarted()
    case .dialConnected: life.dialEnded(.connected)
    case .dialFailed: life.dialEnded(.failed)
    case .dialCancelled: life.dialEnded(.cancelled)
    case .open: life.connectionOpened()
    case .close: life.connectionClosing()
    case .closedByUs: life.connectionClosed(wasClosing: true, lost: false)
    case .lostWhileClosing: life.connectionClosed(wasClosing: true, lost: true)
    case .closedByPeer: life.connectionClosed(wasClosing: false, lost: false)
    case .lost: life.connectionClosed(wasClosing: false, lost: true)
    }
  }

  private static let starts: [Start] = [
    Start("idle", [], [.connecting, nil, nil, nil, .connected, nil, nil, nil, nil, nil]),
    Start(
      "failed", [.dial, .dialFailed],
      [.connecting, nil, nil, nil, .connected, nil, nil, nil, nil, nil]),
    Start(
      "connecting", [.dial],
      [.connecting, .idle, .failed, .idle, .connected, nil, nil, nil, nil, nil]),
    Start(
      "connecting after a failure", [.dial, .dialFailed, .dial],
      [.connecting, .idle, .failed, .failed, .connected, nil, nil, nil, nil, nil]),
    Start(
      "connecting while the last connection closes", [.open, .close, .dial],
      [
        .connecting, .disconnecting, .disconnecting, .disconnecting, .connected, nil, .connecting, .connecting, nil,
        nil,
      ]),
    Start(
      "connected", [.open],
      [.connected, nil, nil, nil, .connected, .disconnecting, nil, nil, .idle, .failed]),
    Start(
      "connected twice", [.open, .open],
      [.connected, nil, nil, nil, .connected, .connected, nil, nil, .connected, .connected]),
    Start(
      "connected and dialling", [.dial, .open],
      [
        .connected, .connected, .connected, .connected, .connected, .connecting, nil, nil, .connecting, .connecting,
      ]),
    Start(
      "connected while another connection closes", [.open, .open, .close],
      [
        .connected, nil, nil, nil, .connected, .disconnecting, .connected, .connected, .disconnecting, .disconnecting,
      ]),
    Start(
      "disconnecting", [.open, .close],
      [.connecting, nil, nil, nil, .connected, nil, .idle, .failed, nil, nil]),
  ]

  @Test("a peer in each state takes each input that can come", arguments: Self.starts)
  func peer(start: Start) throws {
    for (input, end) in zip(Input.allCases, start.ends) {
      guard let end else { continue }
      var life = PeerLifecycle()
      for step in start.inputs { _ = Self.apply(step, &life) }
      let before = life.state
      let change = Self.apply(input, &life)
      #expect(life.state == end, "\(input)")
      #expect(change == (before == end ? nil : LinkChange(from: before, to: end)), "\(input)")
    }
    #expect(start.ends.count == Input.allCases.count)
  }

  @Test("the transitions that are allowed are those that can happen, and no others")
  func reachable() {
    struct Node: Hashable {
      var life = PeerLifecycle()
      var dials = 0
      var live = 0
      var closing = 0
    }
    // What connections do is among what peers do.
    var changes: Set<LinkChange> = []
    var seen: Set<Node> = [Node()]
    var open = [Node()]
    while let node = open.popLast() {
      for input in Input.allCases {
        var next = node
        switch input {
        case .dial: next.dials += 1
        case .dialConnected, .dialFailed, .dialCancelled: next.dials -= 1
        case .open: next.live += 1
        case .close:
          next.live -= 1
          next.closing += 1
        case .closedByUs, .lostWhileClosing: next.closing -= 1
        case .closedByPeer, .lost: next.live -= 1
        }
        guard [next.dials, next.live, next.closing].allSatisfy({ (0...2).contains($0) }) else { continue }
        if let change = Self.apply(input, &next.life) { changes.insert(change) }
        if seen.insert(next).inserted { open.append(next) }
      }
    }
    for from in LinkState.allCases {
      for to in LinkState.allCases {
        #expect(from.mayBecome(to) == changes.contains(LinkChange(from: from, to: to)), "\(from) to \(to)")
      }
    }
  }

  @Test("a connection in each state takes each input")
  func connection() {
    let reason = CloseReason("shutting_down", initiator: .local)
    let spoken = CloseReason("closed_by_peer", initiator: .remote)
    let silent = CloseReason("idle_timeout", initiator: .none)
    var closing = ConnectionLifecycle()
    _ = closing.closing(reason)
    var ended = closing
    _ = ended.closed(spoken)
    var cut = closing
    #expect(cut.drainTimedOut() == .abort(LinkChange(from: .disconnecting, to: .failed)))
    #expect(cut.state == .failed && cut.reason == reason)

    for (start, word, end) in [
      (ConnectionLifecycle(), spoken, LinkState.idle), (ConnectionLifecycle(), silent, .failed),
      (closing, spoken, .idle), (closing, silent, .failed), (ended, silent, .idle), (cut, spoken, .failed),
    ] {
      var life = start
      let isOver = start.state == .idle || start.state == .failed
      let expected: ConnectionLifecycle.OnClosed =
        isOver ? .nothing : .publish(LinkChange(from: start.state, to: end), wasClosing: start.state == .disconnecting)
      #expect(life.closed(word) == expected)
      #expect(life.state == end)
      #expect(life.reason == (start.reason ?? word))
      #expect(life.closing(reason) == .nothing)
      #expect(life.drainTimedOut() == .nothing)
    }
  }
}
