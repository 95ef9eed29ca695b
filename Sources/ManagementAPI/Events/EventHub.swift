internal import Jansson
internal import MicroHTTP
internal import P2PHost
internal import Synchronization

/// Hands every event of the node to every client that follows them. Rendered once; nobody waits for a slow client.
final class EventHub: Sendable {
  /// At one time. Less than the connections of one address, so that followers leave room for requests.
  static let readersMax = 200
  /// Events that wait for one reader; with the next one it is reset.
  static let queueMax = 1_024
  private static let heartbeatInterval = Duration.seconds(15)
  private static let retryMilliseconds = 2_000

  /// Every type that this node publishes, and `reset`, which is made for one reader.
  static let types = [
    "node.started", "node.draining", "listener.added", "listener.failed", "address.observed", "peer.added",
    "peer.removed", "peer.state_changed", "peer.identified", "peer.blocked", "peer.refused", "dial.started",
    "dial.attempt", "dial.ended", "connection.state_changed", "connection.path_changed", "connection.unhealthy",
    "limit.reached", "protocol.registered", "protocol.withdrawn", "federation.agreed", "federation.rejected",
    "federation.ended", "peer.clock_skew", "config.reloaded", "reset",
  ]

  private let log: EventLog
  private let state = Mutex(State())
  /// Readers that were reset since the start.
  private let resets = Atomic<Int>(0)

  private struct State {
    var readers: [EventReader] = []
    var lastReader: UInt64 = 0
    /// The newest event that was handed out.
    var lastNumber: UInt64 = 0
    var unsubscribe: (@Sendable () -> Void)?
    var heartbeat: Task<Void, Never>?
    var stopped = false
  }

  init(log: EventLog) { self.log = log }

  var readerCount: Int { self.state.withLock { $0.readers.count } }
  var resetCount: Int { self.resets.load(ordering: .relaxed) }

  func start() {
    let unsubscribe = self.log.subscribe { [weak self] event in self?.deliver(event) }
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
    self.state.withLock { state in
      state.lastNumber = max(state.lastNumber, self.log.lastNumber)
      state.unsubscribe = unsubscribe
      state.heartbeat = heartbeat
    }
  }

  /// Ends every stream after what is queued.
  func stop() {
    let (readers, unsubscribe, heartbeat) = self.state.withLock { state in
      defer {
        state.readers = []
        state.stopped = true
      }
      return (state.readers, state.unsubscribe, state.heartbeat)
    }
    unsubscribe?()
    heartbeat?.cancel()
    for reader in readers { reader.stream.finish() }
  }

  /// A stream of what happens from now on; nil when there are enough.
  func open(_ filter: EventReader.Filter, lastEventID: String?) -> HTTPStream? {
    var limits = HTTPStream.Limits()
    limits.items = Self.queueMax
    let stream = HTTPStream(limits: limits)
    stream.push(Array("retry: \(Self.retryMilliseconds)\n\n".utf8))
    let id: UInt64? = self.state.withLock { state in
      guard !state.stopped, state.readers.count < Self.readersMax else { return nil }
      state.lastReader += 1
      // Under the lock, so that no event comes between the reset and the first one after it.
      if let lastEventID, lastEventID != self.eventID(state.lastNumber) {
        let known = lastEventID.hasPrefix(self.log.bootID + "-")
        stream.push(self.reset(before: state.lastNumber + 1, reason: known ? "events_missed" : "unknown_cursor"))
      }
      state.readers.append(EventReader(id: state.lastReader, filter: filter, stream: stream))
      return state.lastReader
    }
    guard let id else { return nil }
    stream.onClose { [weak self] in
      self?.state.withLock { state in state.readers.removeAll { $0.id == id } }
    }
    return stream
  }

  // MARK: Handing out

  /// In order, one at a time.
  private func deliver(_ event: NodeEvent) {
    let (readers, previous) = self.state.withLock { state in
      defer { state.lastNumber = max(state.lastNumber, event.number) }
      return (state.readers, state.lastNumber)
    }
    // The log dropped some for everybody.
    let gap = previous > 0 && event.number > previous + 1
    let matching = readers.filter { gap || $0.filter.matches(event) }
    if matching.isEmpty { return }
    let text = self.text(event)
    for reader in matching {
      let wanted = reader.filter.matches(event)
      guard gap || !reader.stream.push(text) else { continue }
      if reader.stream.isClosed { continue }
      self.resets.add(1, ordering: .relaxed)
      reader.stream.replacePending(
        with: self.reset(before: event.number, reason: gap ? "events_missed" : "reader_too_slow"))
      if wanted { reader.stream.push(text) }
    }
  }

  private func beat() {
    let readers = self.state.withLock { $0.readers }
    // A reader whose queue is full needs no sign of life.
    for reader in readers { reader.stream.push(Array(": heartbeat\n\n".utf8)) }
  }

  private func eventID(_ number: UInt64) -> String { "\(self.log.bootID)-\(number)" }

  private func text(_ event: NodeEvent) -> [UInt8] {
    var members: [JSON.Object.Member] = [
      .init("id", .string(self.eventID(event.number))),
      .init("time", JSON(time: event.time)),
      .init("type", .string(event.type)),
      .init("peer_id", event.peerID.map { JSON($0) } ?? .null),
      .init("connection_id", JSON(event.connectionID)),
    ]
    members += event.fields.map { .init($0.0, JSON($0.1)) }
    return self.frame(id: event.number, type: event.type, members)
  }

  /// Says that events before `number` may be missing; its id is that of the last of them.
  private func reset(before number: UInt64, reason: String) -> [UInt8] {
    self.frame(
      id: number - 1, type: "reset",
      [
        .init("id", .string(self.eventID(number - 1))),
        .init("time", JSON(time: Timestamp.now())),
        .init("type", "reset"),
        .init("oldest", .string(self.eventID(number))),
        .init("newest", .string(self.eventID(number))),
        .init("reason", .string(reason)),
      ])
  }

  private func frame(id: UInt64, type: String, _ members: [JSON.Object.Member]) -> [UInt8] {
    // JSON escapes line breaks, so that the data is one line.
    Array("id: \(self.eventID(id))\nevent: \(type)\ndata: ".utf8) + JSON.object(JSON.Object(members)).encoded()
      + [UInt8(ascii: "\n"), UInt8(ascii: "\n")]
  }
}
