import P2PCore
import Synchronization

/// One end of an in-memory stream.
final class MemoryStream: P2PCore.Stream, Sendable {
  let id: Int64
  let direction: Direction
  let incoming: MemoryPipe
  let outgoing: MemoryPipe
  /// The connection is gone: nothing that is done to the stream reaches the remote any more.
  private let failed = Atomic<Bool>(false)

  init(id: Int64, direction: Direction, incoming: MemoryPipe, outgoing: MemoryPipe) {
    self.id = id
    self.direction = direction
    self.incoming = incoming
    self.outgoing = outgoing
  }

  static func pair(id: Int64, capacity: Int) -> (opener: MemoryStream, accepter: MemoryStream) {
    let there = MemoryPipe(capacity: capacity)
    let back = MemoryPipe(capacity: capacity)
    return (
      MemoryStream(id: id, direction: .outbound, incoming: back, outgoing: there),
      MemoryStream(id: id, direction: .inbound, incoming: there, outgoing: back)
    )
  }

  var isDone: Bool { self.incoming.isDone && self.outgoing.isDone }

  func read(upTo maximum: Int) async throws(StreamError) -> [UInt8]? {
    try await self.incoming.read(upTo: maximum)
  }

  func write(_ bytes: [UInt8], finish: Bool) async throws(StreamError) {
    try await self.outgoing.write(bytes, finish: finish)
  }

  func reset(code: UInt64) {
    if self.failed.load(ordering: .acquiring) { return }
    self.outgoing.end(reader: .reset(code: code), writer: .resetLocally)
    self.incoming.end(reader: .resetLocally, writer: .reset(code: code))
  }

  func stopReading(code: UInt64) {
    if self.failed.load(ordering: .acquiring) { return }
    self.incoming.end(reader: .resetLocally, writer: .reset(code: code))
  }

  func fail(_ why: String) {
    self.failed.store(true, ordering: .releasing)
    self.outgoing.end(reader: nil, writer: .connectionClosed(why))
    self.incoming.end(reader: .connectionClosed(why), writer: nil)
  }
}

/// One end of an in-memory connection.
final class MemoryConnection: Connection, Sendable {
  private static let lastNumber = Atomic<Int>(0)

  private struct State {
    var peer: MemoryConnection?
    var streams: [MemoryStream] = []
    var opened: Int64 = 0
    var closed = false
    var final: ConnectionStatistics?
    var remoteAddress: Multiaddr
  }

  let id: String
  let direction: Direction
  let remotePeer: PeerID
  let remotePublicKey: PublicKey
  let localAddress: Multiaddr
  let openedAt: Int64 = 1_700_000_000_000
  let handshakeDuration: Duration = .milliseconds(3)
  let security = ConnectionSecurity(tlsVersion: "1.3", cipher: "AES-128-GCM", group: "X25519", keyType: .ed25519)
  let quicVersion = "1"
  let transport: MemoryTransport
  private let state: Mutex<State>

  init(
    direction: Direction, transport: MemoryTransport, remote: MemoryTransport, localAddress: Multiaddr,
    remoteAddress: Multiaddr
  ) {
    self.id = "c-\(Self.lastNumber.wrappingAdd(1, ordering: .relaxed).newValue)"
    self.direction = direction
    self.transport = transport
    self.remotePeer = remote.peer
    self.remotePublicKey = remote.key
    self.localAddress = localAddress
    self.state = Mutex(State(remoteAddress: remoteAddress))
  }

  var remoteAddress: Multiaddr { self.state.withLock { $0.remoteAddress } }
  var isClosed: Bool { self.state.withLock { $0.closed } }
  /// Streams that are open in one direction at least.
  var openStreams: [MemoryStream] { self.state.withLock { $0.streams }.filter { !$0.isDone } }
  var peer: MemoryConnection? { self.state.withLock { $0.peer } }

  func join(_ peer: MemoryConnection) { self.state.withLock { $0.peer = peer } }

  func openStream() async throws(StreamError) -> any P2PCore.Stream {
    let stream = self.openMemoryStream()
    guard let stream else { throw .connectionClosed("closed") }
    return stream
  }

  /// Nil when the connection is closed.
  func openMemoryStream() -> MemoryStream? {
    let opened = self.state.withLock { state -> (MemoryStream, MemoryStream, MemoryConnection)? in
      guard !state.closed, let peer = state.peer else { return nil }
      let id = state.opened * 4 + (self.direction == .outbound ? 0 : 1)
      state.opened += 1
      let (opener, accepter) = MemoryStream.pair(id: id, capacity: self.transport.streamCapacity)
      state.streams.append(opener)
      return (opener, accepter, peer)
    }
    guard let (opener, accepter, peer) = opened else { return nil }
    peer.accept(accepter)
    return opener
  }

  private func accept(_ stream: MemoryStream) {
    self.state.withLock { $0.streams.append(stream) }
    self.transport.tell(.stream(stream, on: self))
  }

  func statistics() async -> ConnectionStatistics? {
    if self.isClosed { return nil }
    let open = self.openStreams
    let all = self.state.withLock { $0.streams }
    var figures = ConnectionStatistics()
    figures.streamsInbound = open.filter { $0.direction == .inbound }.count
    figures.streamsOutbound = open.count - figures.streamsInbound
    figures.bytesIn = all.reduce(0) { $0 + $1.incoming.bytes }
    figures.bytesOut = all.reduce(0) { $0 + $1.outgoing.bytes }
    figures.rttSmoothed = .milliseconds(2)
    figures.lastActivityAt = self.openedAt + 5
    return figures
  }

  var finalStatistics: ConnectionStatistics? { self.state.withLock { $0.final } }

  func close(code: UInt64, reason: String) {
    let peer = self.peer
    self.end(CloseReason("closed_locally", initiator: .local, code: code, isApplicationCode: true, detail: reason))
    peer?.end(CloseReason("closed_by_peer", initiator: .remote, code: code, isApplicationCode: true, detail: reason))
  }

  /// Nobody says a word any more.
  func vanish() {
    let peer = self.peer
    self.end(CloseReason("idle_timeout", initiator: .none))
    peer?.end(CloseReason("idle_timeout", initiator: .none))
  }

  func migrate(to address: Multiaddr) {
    self.state.withLock { $0.remoteAddress = address }
    self.transport.tell(.pathChanged(self))
  }

  private func end(_ reason: CloseReason) {
    let streams = self.state.withLock { state -> [MemoryStream]? in
      if state.closed { return nil }
      state.closed = true
      var final = ConnectionStatistics()
      final.bytesIn = state.streams.reduce(0) { $0 + $1.incoming.bytes }
      final.bytesOut = state.streams.reduce(0) { $0 + $1.outgoing.bytes }
      state.final = final
      return state.streams
    }
    guard let streams else { return }
    for stream in streams { stream.fail(reason.reason) }
    self.transport.tell(.closed(self, reason))
  }
}
