import RandomInput
import Testing

@testable import P2PCore

@Suite("Many peers over many inputs")
struct LifecycleRunTests {
  /// A registry as a host keeps it: counts follow the changes that the machines tell of, and nothing else.
  private struct Registry {
    struct Connection {
      let peer: Int
      var life = ConnectionLifecycle()
    }

    var peers: [PeerLifecycle]
    var dials: [Int]
    var connections: [Int: Connection] = [:]
    /// Ids, for a choice by chance.
    var open: [Int] = []
    var peerCounts: [LinkState: Int]
    var connectionCounts: [LinkState: Int] = [:]
    var reasons: [Int: [CloseReason]] = [:]
    var opened = 0
    var faults: [String] = []

    init(peers: Int) {
      self.peers = Array(repeating: PeerLifecycle(), count: peers)
      self.dials = Array(repeating: 0, count: peers)
      self.peerCounts = [.idle: peers]
    }

    mutating func note(_ change: LinkChange?, peer: Int) {
      guard let change else { return }
      if change.to != self.peers[peer].state { self.faults.append("peer \(peer) is not \(change.to)") }
      self.peerCounts[change.from, default: 0] -= 1
      self.peerCounts[change.to, default: 0] += 1
    }

    mutating func dial(_ peer: Int) {
      self.dials[peer] += 1
      self.note(self.peers[peer].dialStarted(), peer: peer)
    }

    mutating func endDial(_ peer: Int, _ ending: DialEnding) {
      guard self.dials[peer] > 0 else { return }
      self.dials[peer] -= 1
      if ending == .connected { self.openConnection(peer) }
      self.note(self.peers[peer].dialEnded(ending), peer: peer)
    }

    mutating func openConnection(_ peer: Int) {
      self.opened += 1
      self.connections[self.opened] = Connection(peer: peer)
      self.open.append(self.opened)
      self.connectionCounts[.connected, default: 0] += 1
      self.note(self.peers[peer].connectionOpened(), peer: peer)
    }

    mutating func close(_ id: Int, _ reason: CloseReason) {
      guard let peer = self.connections[id]?.peer,
        case .close(let change)? = self.connections[id]?.life.closing(reason)
      else { return }
      self.count(change)
      self.note(self.peers[peer].connectionClosing(), peer: peer)
    }

    mutating func timeOut(_ id: Int) {
      guard case .abort(let change)? = self.connections[id]?.life.drainTimedOut() else { return }
      self.end(id, change, wasClosing: true, lost: true)
    }

    mutating func closed(_ id: Int, _ reason: CloseReason) {
      guard case .publish(let change, let wasClosing)? = self.connections[id]?.life.closed(reason) else { return }
      self.end(id, change, wasClosing: wasClosing, lost: reason.initiator == .none)
    }

    private mutating func count(_ change: LinkChange) {
      self.connectionCounts[change.from, default: 0] -= 1
      self.connectionCounts[change.to, default: 0] += 1
    }

    private mutating func end(_ id: Int, _ change: LinkChange, wasClosing: Bool, lost: Bool) {
      self.count(change)
      guard let connection = self.connections[id], let reason = connection.life.reason else {
        self.faults.append("connection \(id) ended without a reason")
        return
      }
      self.reasons[id, default: []].append(reason)
      // Its last state is told, then it leaves the books.
      self.connectionCounts[change.to, default: 0] -= 1
      self.connections[id] = nil
      let change = self.peers[connection.peer].connectionClosed(wasClosing: wasClosing, lost: lost)
      self.note(change, peer: connection.peer)
    }

    /// What is wrong with the whole; empty when nothing is.
    func audit() -> [String] {
      var faults = self.faults
      var live: Set<Int> = []
      for connection in self.connections.values where connection.life.state == .connected {
        live.insert(connection.peer)
      }
      for state in LinkState.allCases {
        let peers = self.peers.count { $0.state == state }
        let connections = self.connections.values.count { $0.life.state == state }
        if peers != self.peerCounts[state] ?? 0 { faults.append("\(peers) peers are \(state), others counted") }
        if connections != self.connectionCounts[state] ?? 0 {
          faults.append("\(connections) connections are \(state), others counted")
        }
      }
      for (peer, life) in self.peers.enumerated() where (life.state == .connected) != live.contains(peer) {
        faults.append("peer \(peer) is \(life.state), with a live connection: \(live.contains(peer))")
      }
      let ended = self.opened - self.connections.count
      if self.reasons.count != ended || !self.reasons.values.allSatisfy({ $0.count == 1 }) {
        faults.append("\(ended) connections ended, \(self.reasons.count) with a reason")
      }
      return faults
    }
  }

  @Test("100,000 random inputs keep counts, states and reasons together")
  func run() {
    var generator = SplitMix64(seed: testSeed)
    var registry = Registry(peers: 64)
    let reasons = [
      CloseReason("closed_by_peer", initiator: .remote), CloseReason("idle_timeout", initiator: .none),
      CloseReason("trimmed", initiator: .local),
    ]
    for step in 0..<100_000 {
      let peer = Int.random(in: 0..<64, using: &generator)
      let reason = reasons[Int.random(in: 0..<3, using: &generator)]
      switch Int.random(in: 0..<8, using: &generator) {
      case 0: registry.dial(peer)
      case 1: registry.endDial(peer, [.connected, .failed, .cancelled][Int.random(in: 0..<3, using: &generator)])
      case 2: registry.openConnection(peer)
      case let input:
        // Some are gone already: a last word that comes twice, a close of what is closed.
        guard let index = registry.open.indices.randomElement(using: &generator) else { continue }
        let id = registry.open[index]
        switch input {
        case 3, 4: registry.close(id, reason)
        case 5: registry.timeOut(id)
        default: registry.closed(id, reason)
        }
        if registry.connections[id] == nil, registry.open.count > 32 {
          registry.open.swapAt(index, registry.open.count - 1)
          registry.open.removeLast()
        }
      }
      guard step % 100 == 99 || !registry.faults.isEmpty else { continue }
      let faults = registry.audit()
      #expect(faults.isEmpty, "seed \(testSeed), step \(step)")
      if !faults.isEmpty { return }
    }
    #expect(registry.reasons.count > 1_000)

    for id in registry.connections.keys.sorted() { registry.closed(id, reasons[0]) }
    for peer in 0..<64 {
      while registry.dials[peer] > 0 { registry.endDial(peer, .cancelled) }
    }
    #expect(registry.audit().isEmpty, "seed \(testSeed)")
    let areAtRest = registry.peers.allSatisfy(\.isAtRest)
    #expect(areAtRest)
  }
}
