internal import P2PCore
internal import P2PHost

/// Makes snapshots for those who follow the events. At most one of all peers at a time: all who ask while one is being
/// made share the next, so that a crowd that comes back together costs two.
actor SnapshotMaker {
  struct Snapshot: Sendable {
    /// Of the newest event that it holds.
    var number: UInt64
    var frame: [UInt8]
  }

  private let node: any NodeControl
  private let format: EventFormat
  /// Of all peers.
  private var running: Task<Snapshot, Never>?
  /// Begins when `running` has ended.
  private var next: Task<Snapshot, Never>?

  init(node: any NodeControl, format: EventFormat) {
    self.node = node
    self.format = format
  }

  /// One that is begun after this call, of `peers`, or of all where it is empty.
  func snapshot(of peers: Set<PeerID>) async -> Snapshot {
    guard peers.isEmpty else { return await self.make(peers) }
    if let next = self.next { return await next.value }
    let before = self.running
    let task = Task {
      _ = await before?.value
      self.running = self.next
      self.next = nil
      defer { self.running = nil }
      return await self.make([])
    }
    self.next = task
    return await task.value
  }

  private func make(_ peers: Set<PeerID>) async -> Snapshot {
    let snapshot = await self.node.snapshot(of: peers)
    return await self.render(snapshot)
  }

  /// Not on the actor: long lists take their time.
  private nonisolated func render(_ snapshot: HostSnapshot) async -> Snapshot {
    Snapshot(number: snapshot.number, frame: self.format.snapshot(snapshot))
  }
}
