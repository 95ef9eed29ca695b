internal import Logging
internal import P2PCore
internal import Synchronization

/// Takes the streams that remotes open, negotiates, and runs the handler of the protocol that was agreed on.
///
/// Streams come from the transport's thread and never pass through the host's actor.
final class ProtocolRouter: Sendable {
  static let protocolsMax = 256
  static let protocolIDBytesMax = 256
  /// Ticks (seconds) that a remote has to name a protocol, and to end its side once the protocol is done.
  static let negotiationTicksMax: UInt64 = 10

  /// A stream that waits for its remote, and what it is reset with when that takes too long.
  private struct Wait {
    let since: UInt64
    let stream: any P2PCore.Stream
    let code: UInt64
  }

  private struct State {
    var handlers: [String: any ProtocolHandler] = [:]
    var draining = false
    /// Inbound streams between their arrival and their end.
    var streams = 0
    /// The same, of each peer that has any.
    var ofPeer: [PeerID: Int] = [:]
    /// Those whose protocol is known, of each protocol that has any.
    var ofProtocol: [String: Int] = [:]
    /// Those that a shutdown waits for.
    var delaying = 0
    var tick: UInt64 = 0
    var lastTicket: UInt64 = 0
    /// By ticket; at most `streams` of them.
    var waits: [UInt64: Wait] = [:]
  }

  private let state = Mutex(State())
  private let executor: (any TaskExecutor)?
  private let limits: StreamLimits
  private let counters: HostCounters
  private let log: Logger
  /// For what remotes do wrong.
  private let limitedLog: RateLimitedLog

  init(executor: (any TaskExecutor)?, limits: StreamLimits, counters: HostCounters, log: Logger) {
    self.executor = executor
    self.limits = limits
    self.counters = counters
    self.log = log
    self.limitedLog = RateLimitedLog(log)
  }

  // MARK: Table

  func register(_ handler: any ProtocolHandler) throws(ProtocolRegistrationError) {
    let ids = handler.protocolIDs
    for id in ids where id.isEmpty || id.utf8.contains(0x0a) || id.utf8.count > Self.protocolIDBytesMax {
      throw .badID(id, limit: Self.protocolIDBytesMax)
    }
    let error: ProtocolRegistrationError? = self.state.withLock { state in
      if let taken = ids.first(where: { state.handlers[$0] != nil }) { return .alreadyRegistered(taken) }
      guard state.handlers.count + ids.count <= Self.protocolsMax else { return .tooMany(limit: Self.protocolsMax) }
      for id in ids { state.handlers[id] = handler }
      return nil
    }
    if let error { throw error }
  }

  /// False when nobody served it.
  func unregister(_ id: String) -> Bool {
    self.state.withLock { $0.handlers.removeValue(forKey: id) != nil }
  }

  /// Sorted.
  var protocolIDs: [String] {
    self.state.withLock { Array($0.handlers.keys) }.sorted()
  }

  private func handler(for id: String) -> (any ProtocolHandler)? {
    self.state.withLock { $0.handlers[id] }
  }

  // MARK: Streams

  var streams: Int { self.state.withLock { $0.streams } }
  /// Streams that a shutdown waits for.
  var delayingStreams: Int { self.state.withLock { $0.delaying } }

  /// Serves nothing any more. Handlers hold what they tell of, and with it the transport that holds this router.
  func forgetHandlers() { self.state.withLock { $0.handlers = [:] } }

  /// From now on every new stream is reset.
  func drain() { self.state.withLock { $0.draining = true } }

  /// Once a second: gives up on remotes that take too long.
  func tick() {
    let late = self.state.withLock { state in
      state.tick += 1
      let late = state.waits.filter { state.tick - $0.value.since > Self.negotiationTicksMax }
      for ticket in late.keys { state.waits[ticket] = nil }
      return late
    }
    for wait in late.values { wait.stream.reset(code: wait.code) }
  }

  /// On the transport's thread.
  func route(_ stream: any P2PCore.Stream, on connection: any Connection) {
    enum Admission {
      case ticket(UInt64)
      case draining
      case refused(StreamLimits.Refusal)
    }
    let peer = connection.remotePeer
    let admission: Admission = self.state.withLock { state in
      if state.draining { return .draining }
      if let refusal = self.limits.refusal(streams: state.streams, ofPeer: state.ofPeer[peer] ?? 0) {
        return .refused(refusal)
      }
      state.streams += 1
      state.ofPeer[peer, default: 0] += 1
      state.lastTicket &+= 1
      state.waits[state.lastTicket] = Wait(
        since: state.tick, stream: stream, code: StreamCode.protocolNegotiationFailed)
      return .ticket(state.lastTicket)
    }
    switch admission {
    case .draining:
      self.counters.streamRefused()
      stream.reset(code: StreamCode.shutdown)
    case .refused(let refusal):
      self.refuse(stream, peer, refusal)
    case .ticket(let ticket):
      self.counters.streamOpened()
      Task(executorPreference: self.executor) { await self.serve(stream, on: connection, ticket: ticket) }
    }
  }

  private func refuse(_ stream: any P2PCore.Stream, _ peer: PeerID, _ refusal: StreamLimits.Refusal) {
    self.counters.streamRefused()
    stream.reset(code: StreamCode.resourceLimitExceeded)
    self.limitedLog.log(
      .notice, key: "refused \(peer)", "a stream was refused: too many are open; raise the limit",
      [("peer", "\(peer)"), ("limit", refusal.key), ("value", "\(refusal.limit)")])
  }

  private func serve(_ inbound: any P2PCore.Stream, on connection: any Connection, ticket: UInt64) async {
    let stream = ProtocolStream(inbound)
    let peer = connection.remotePeer
    var found: (any ProtocolHandler)?
    let name: String?
    do throws(ProtocolStreamError) {
      name = try await stream.negotiate { id in
        found = self.handler(for: id)
        return found != nil
      }
    } catch {
      self.ended(ticket, peer)
      self.counters.negotiationFailed()
      stream.reset(code: StreamCode.protocolNegotiationFailed)
      // Only `tick` resets a stream here.
      let late = ProtocolStreamError.notNegotiated("the remote named none within \(Self.negotiationTicksMax) s")
      self.tell(
        error == .stream(.resetLocally) ? late : error, "no protocol agreed on a stream",
        [("peer", "\(peer)")])
      return
    }
    guard let name, let handler = found else {
      self.ended(ticket, peer)
      self.counters.negotiationFailed()
      // The remote took our refusal and left: a reset would overtake the refusal.
      await self.conclude(stream)
      return
    }
    if let refusal = self.negotiated(ticket, name, handler) {
      self.ended(ticket, peer)
      return self.refuse(inbound, peer, refusal)
    }
    if await self.run(handler, stream, StreamContext(connection: connection, protocolID: name)) {
      self.state.withLock { $0.waits[ticket] = Wait(since: $0.tick, stream: inbound, code: StreamCode.none) }
      await self.conclude(stream)
    }
    self.handled(ticket, peer, name, handler)
  }

  /// False when the handler failed and the stream was reset.
  private func run(_ handler: any ProtocolHandler, _ stream: ProtocolStream, _ context: StreamContext) async -> Bool {
    do {
      try await handler.handle(stream, context: context)
      return true
    } catch {
      let code = (error as? ProtocolStreamError)?.streamCode ?? StreamCode.none
      stream.reset(code: code)
      self.counters.handlerFailed()
      self.tell(
        error, "a stream failed", [("peer", "\(context.peer)"), ("protocol", context.protocolID)])
      return false
    }
  }

  /// What a remote did wrong is for the operator, once a minute and peer; that it left, or an end of ours, is not.
  private func tell(_ error: any Error, _ what: String, _ fields: [(String, String)]) {
    let fields = fields + [("error", "\(error)")]
    if (error as? ProtocolStreamError)?.isViolation == true {
      self.limitedLog.log(.notice, key: fields.dropLast().map(\.1).joined(separator: " "), what, fields)
    } else {
      self.log.debug(what, fields)
    }
  }

  /// The remote may have left before our end reaches it, which is its right.
  private func conclude(_ stream: ProtocolStream) async {
    do { try await stream.conclude() } catch { stream.reset(code: error.streamCode) }
  }

  /// The limit that the stream would pass.
  private func negotiated(
    _ ticket: UInt64, _ name: String, _ handler: any ProtocolHandler
  ) -> StreamLimits.Refusal? {
    let delays = handler.delaysShutdown
    return self.state.withLock { state in
      if let refusal = self.limits.refusal(ofProtocol: state.ofProtocol[name] ?? 0) { return refusal }
      state.ofProtocol[name, default: 0] += 1
      state.waits[ticket] = nil
      if delays { state.delaying += 1 }
      return nil
    }
  }

  private func handled(_ ticket: UInt64, _ peer: PeerID, _ name: String, _ handler: any ProtocolHandler) {
    let delays = handler.delaysShutdown
    self.state.withLock { state in
      Self.countDown(name, &state.ofProtocol)
      if delays { state.delaying -= 1 }
      Self.end(ticket, peer, &state)
    }
  }

  private func ended(_ ticket: UInt64, _ peer: PeerID) {
    self.state.withLock { Self.end(ticket, peer, &$0) }
  }

  private static func end(_ ticket: UInt64, _ peer: PeerID, _ state: inout State) {
    state.waits[ticket] = nil
    state.streams -= 1
    Self.countDown(peer, &state.ofPeer)
  }

  private static func countDown<Key>(_ key: Key, _ counts: inout [Key: Int]) {
    let count = (counts[key] ?? 1) - 1
    counts[key] = count > 0 ? count : nil
  }
}
