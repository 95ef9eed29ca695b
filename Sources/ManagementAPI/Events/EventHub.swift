internal import MicroHTTP
internal import P2PCore
internal import P2PHost
internal import Synchronization

/// Brings every event of the node to every client that follows them. It is rendered once, whoever publishes it waits for
/// nothing here, and nobody waits for a slow client.
final class EventHub: Sendable {
  /// At one time. Fewer than the connections of one address, so that followers leave room for requests.
  static let readersMax = 1_024
  /// Events handed out under one lock: the server's thread waits for it to copy what it sends.
  private static let batchMax = 64
  private static let heartbeatInterval = Duration.seconds(15)

  /// Every type that this node publishes, and `reset` and `snapshot`, which are made for one client.
  static let types = [
    "node.started", "node.draining", "listener.added", "listener.failed", "address.observed", "peer.added",
    "peer.removed", "peer.state_changed", "peer.identified", "peer.blocked", "peer.refused", "dial.started",
    "dial.attempt", "dial.ended", "connection.state_changed", "connection.path_changed", "connection.unhealthy",
    "limit.reached", "protocol.registered", "protocol.withdrawn", "federation.agreed", "federation.rejected",
    "federation.ended", "peer.clock_skew", "config.reloaded", "reset", "snapshot",
  ]

  private let log: EventLog
  private let format: EventFormat
  private let snapshots: SnapshotMaker
  /// Published and not in the journal yet. When there are as many as the journal holds, the oldest is lost, and whoever
  /// needed it starts over.
  private let inbox = Mutex<[NodeEvent]>([])
  private let state: Mutex<State>
  /// Clients that were too slow, since the start.
  private let resets = Atomic<Int>(0)
  /// Something came to the inbox.
  private let news: AsyncStream<Void>
  private let newsCame: AsyncStream<Void>.Continuation

  private struct State {
    var journal: EventJournal
    var followers: [UInt64: Follower] = [:]
    var lastFollower: UInt64 = 0
    var unsubscribe: (@Sendable () -> Void)?
    var tasks: [Task<Void, Never>] = []
    var stopped = false

    /// Changes every reader, and answers the streams of those to be woken.
    mutating func forEachReader(_ body: (inout EventReader) -> Bool) -> [HTTPStream] {
      var woken: [HTTPStream] = []
      for index in self.followers.values.indices where body(&self.followers.values[index].reader) {
        woken.append(self.followers.values[index].stream)
      }
      return woken
    }
  }

  private struct Follower {
    var reader: EventReader
    let stream: HTTPStream
  }

  /// Remembers events from now on.
  init(node: any NodeControl) {
    self.log = node.events
    self.format = EventFormat(bootID: self.log.bootID)
    self.snapshots = SnapshotMaker(node: node, format: self.format)
    self.state = Mutex(State(journal: EventJournal(next: self.log.lastNumber + 1)))
    (self.news, self.newsCame) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    let unsubscribe = self.log.subscribe { [weak self] event in self?.receive(event) }
    self.state.withLock { $0.unsubscribe = unsubscribe }
  }

  struct Figures {
    var readers: Int
    /// Events in the ring.
    var remembered: UInt64
    /// Clients that were too slow, since the start.
    var resets: Int
  }

  var figures: Figures {
    let (readers, remembered) = self.state.withLock { ($0.followers.count, $0.journal.next - $0.journal.oldest) }
    return Figures(readers: readers, remembered: remembered, resets: self.resets.load(ordering: .relaxed))
  }

  /// Hands out events from now on.
  func start() {
    let delivery = Task { [weak self, news] in
      for await _ in news { self?.deliver() }
    }
    let heartbeat = Task { [weak self] in
      do {
        while true {
          try await Task.sleep(for: Self.heartbeatInterval)
          self?.beat()
        }
      } catch {
        // Cancelled: the hub has stopped.
        return
      }
    }
    self.state.withLock { $0.tasks = [delivery, heartbeat] }
  }

  /// Ends every stream after what was published.
  func stop() async {
    let (unsubscribe, tasks) = self.state.withLock { state in
      state.stopped = true
      return (state.unsubscribe, state.tasks)
    }
    unsubscribe?()
    self.newsCame.finish()
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
    self.deliver()
    for stream in self.state.withLock({ $0.followers.values.map(\.stream) }) { stream.finish() }
  }

  /// The events that `filter` lets through: those to come, or those behind `cursor` as well. Nil when there are enough
  /// readers.
  func open(_ filter: EventFilter, from cursor: EventCursor? = nil) -> HTTPStream? {
    let opened: (id: UInt64, stream: HTTPStream)? = self.state.withLock { state in
      guard !state.stopped, state.followers.count < Self.readersMax else { return nil }
      state.lastFollower += 1
      let id = state.lastFollower
      let newest = self.log.lastNumber
      let start: EventReader.Start =
        switch cursor {
        case nil: .live(newest + 1)
        case .snapshot: .snapshot
        case .after(let number) where number <= newest: .replay(number + 1)
        case .after, .foreign: .reset(.unknownCursor)
        }
      let stream = HTTPStream(Source(hub: self, id: id))
      state.followers[id] = Follower(reader: EventReader(filter, start, self.format), stream: stream)
      return (id, stream)
    }
    opened?.stream.onClose { [weak self] in
      _ = self?.state.withLock { state in state.followers.removeValue(forKey: opened?.id ?? 0) }
    }
    return opened?.stream
  }

  // MARK: Handing out

  /// From the publisher: in order, one at a time.
  private func receive(_ event: NodeEvent) {
    self.inbox.withLock { inbox in
      if inbox.count == EventJournal.countMax { inbox.removeFirst() }
      inbox.append(event)
    }
    self.newsCame.yield()
  }

  /// Brings what is in the inbox to the journal and to those who wait for it. One call at a time.
  private func deliver() {
    var events = self.inbox.withLock { inbox in
      defer { inbox = [] }
      return inbox[...]
    }
    while !events.isEmpty {
      let batch = events.prefix(Self.batchMax).map { event in
        let frame = self.format.event(event)
        return (event.number, EventJournal.Entry(type: event.type, peerID: event.peerID, frame: frame))
      }
      events = events.dropFirst(batch.count)
      let woken = self.state.withLock { state in
        for (number, entry) in batch { state.journal.append(entry, number) }
        return state.forEachReader { reader in
          var wakes = false
          for (number, entry) in batch {
            switch reader.published(entry, number) {
            case .nothing: break
            case .wake: wakes = true
            case .overflowed: self.resets.add(1, ordering: .relaxed)
            }
          }
          return wakes
        }
      }
      for stream in woken { stream.wake() }
    }
  }

  private func beat() {
    let woken = self.state.withLock { state in state.forEachReader { $0.heartbeat() } }
    for stream in woken { stream.wake() }
  }

  // MARK: What a client takes

  private final class Source: HTTPStreamSource {
    let hub: EventHub
    let id: UInt64

    init(hub: EventHub, id: UInt64) {
      self.hub = hub
      self.id = id
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> HTTPStream.Supply { self.hub.read(self.id, into: buffer) }
  }

  private func read(_ id: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> HTTPStream.Supply {
    while true {
      // Let go after each piece, so that a long search delays nobody.
      let outcome = self.state.withLock { state in state.followers[id]?.reader.read(into: buffer, state.journal) }
      switch outcome {
      case .bytes(let count): return .bytes(count)
      case .unfinished: continue
      case .nothing: return .nothing
      case .wantsSnapshot:
        self.takeSnapshot(id)
        return .nothing
      case nil: return .end
      }
    }
  }

  private func takeSnapshot(_ id: UInt64) {
    guard let peers = self.state.withLock({ $0.followers[id]?.reader.filter.peers }) else { return }
    Task {
      let snapshot = await self.snapshots.snapshot(of: peers)
      let woken = self.state.withLock { state -> HTTPStream? in
        guard state.followers[id]?.reader.snapshot(snapshot.frame, upTo: snapshot.number) == true else { return nil }
        return state.followers[id]?.stream
      }
      woken?.wake()
    }
  }
}
