/// How a dial ended.
package enum DialEnding: Sendable, Hashable {
  case connected, failed
  /// Given up, or connected and closed again already: says nothing about the peer.
  case cancelled
}

/// The state of one peer, worked out from its dials under way and its connections.
///
/// Every input answers with the change that it made, or nil when the state stayed. Inputs come in pairs (a dial
/// starts and ends, a connection opens and closes); an unpaired one is the host's own mistake and traps.
package struct PeerLifecycle: Sendable, Hashable {
  package private(set) var state: LinkState = .idle
  /// Dials under way.
  private var dials = 0
  /// Connections that are open and not being closed.
  private var live = 0
  /// Connections that are being closed.
  private var closing = 0
  /// The state when nothing is under way: `idle`, or `failed` after a failed dial or a lost connection.
  private var rest: LinkState = .idle

  package init() {}

  /// True when nothing is under way and nothing is open.
  package var isAtRest: Bool { self.dials == 0 && self.live == 0 && self.closing == 0 }

  package mutating func dialStarted() -> LinkChange? {
    self.dials += 1
    return self.settle()
  }

  package mutating func dialEnded(_ ending: DialEnding) -> LinkChange? {
    precondition(self.dials > 0, "a dial ended that was never started")
    self.dials -= 1
    switch ending {
    case .connected: self.rest = .idle
    case .failed: self.rest = .failed
    case .cancelled: break
    }
    return self.settle()
  }

  package mutating func connectionOpened() -> LinkChange? {
    self.live += 1
    self.rest = .idle
    return self.settle()
  }

  package mutating func connectionClosing() -> LinkChange? {
    precondition(self.live > 0, "a connection closes that is not open")
    self.live -= 1
    self.closing += 1
    return self.settle()
  }

  /// `lost`: nobody said a word.
  package mutating func connectionClosed(wasClosing: Bool, lost: Bool) -> LinkChange? {
    if wasClosing {
      precondition(self.closing > 0, "a connection closed that was not closing")
      self.closing -= 1
    } else {
      precondition(self.live > 0, "a connection closed that was not open")
      self.live -= 1
    }
    self.rest = lost ? .failed : .idle
    return self.settle()
  }

  private mutating func settle() -> LinkChange? {
    let next: LinkState =
      if self.live > 0 {
        .connected
      } else if self.dials > 0 {
        .connecting
      } else if self.closing > 0 {
        .disconnecting
      } else {
        self.rest
      }
    guard next != self.state else { return nil }
    let change = LinkChange(from: self.state, to: next)
    precondition(change.from.mayBecome(change.to), "\(change.from) cannot become \(change.to)")
    self.state = next
    return change
  }
}
