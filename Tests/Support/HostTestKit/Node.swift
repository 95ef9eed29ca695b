import Dispatch
import P2PCore
import P2PHost
import Synchronization

/// Remembers a host's events and lets a test wait for one.
final class EventRecorder: Sendable {
  private struct State {
    var events: [NodeEvent] = []
    var watchers: [(@Sendable (NodeEvent) -> Bool, CheckedContinuation<NodeEvent, Never>)] = []
  }

  private let state = Mutex(State())

  init(_ log: EventLog) {
    _ = log.subscribe { event in
      let woken = self.state.withLock { state in
        state.events.append(event)
        let woken = state.watchers.filter { $0.0(event) }
        state.watchers.removeAll { $0.0(event) }
        return woken
      }
      for watcher in woken { watcher.1.resume(returning: event) }
    }
  }

  /// What a test gets whose time is over: what it expects next fails.
  private static let none = NodeEvent(number: 0, time: 0, type: "none", peerID: nil, connectionID: nil, fields: [])

  var all: [NodeEvent] { self.state.withLock { $0.events } }

  /// The first event that fits, of those that were or the next to come.
  @discardableResult
  func first(where condition: @escaping @Sendable (NodeEvent) -> Bool) async -> NodeEvent {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let found = self.state.withLock { state -> NodeEvent? in
          if let found = state.events.first(where: condition) { return found }
          if Task.isCancelled { return Self.none }
          state.watchers.append((condition, continuation))
          return nil
        }
        if let found { continuation.resume(returning: found) }
      }
    } onCancel: {
      let watchers = self.state.withLock { state in
        defer { state.watchers = [] }
        return state.watchers
      }
      for watcher in watchers { watcher.1.resume(returning: Self.none) }
    }
  }

  @discardableResult
  func first(_ type: String, peer: PeerID? = nil, to: String? = nil) async -> NodeEvent {
    await self.first { event in
      event.type == type && (peer == nil || event.peerID == peer) && (to == nil || event["to"] == to)
    }
  }
}

extension NodeEvent {
  /// The member's text.
  subscript(name: String) -> String? {
    guard case .string(let text)? = self.fields.first(where: { $0.0 == name })?.1 else { return nil }
    return text
  }
}

/// Polls `condition` for at most five seconds.
func eventually(_ condition: () async -> Bool) async throws -> Bool {
  for _ in 0..<1_000 {
    if await condition() { return true }
    try await Task.sleep(for: .milliseconds(5))
  }
  return false
}

/// A host on a memory transport.
struct Node: Sendable {
  let host: Host
  let transport: MemoryTransport
  let recorder: EventRecorder

  var peer: PeerID { self.transport.peer }
  var address: Multiaddr { self.transport.listenAddresses[0] }

  static func key(_ number: UInt8) -> PublicKey {
    PublicKey(type: .ed25519, data: [UInt8](repeating: number, count: 32))
  }

  static func address(_ number: UInt8) -> Multiaddr {
    Multiaddr(quic: IPEndpoint(address: [10, 0, 0, number], port: 9000))
  }

  static func transport(
    _ number: UInt8, _ network: MemoryNetwork, streamCapacity: Int = 65_536
  ) -> MemoryTransport {
    MemoryTransport(
      key: Self.key(number), network: network, addresses: [Self.address(number)], streamCapacity: streamCapacity)
  }

  /// Not started yet. `number` makes the key and the address.
  init(
    _ number: UInt8, _ network: MemoryNetwork, clock: TestClock? = nil, addresses: [Multiaddr]? = nil,
    brokenListeners: [ListenerStatus] = [], streamCapacity: Int = 65_536, resolve: NameResolver? = nil,
    resolveText: TextResolver? = nil, interfaces: [IPEndpoint] = [], saveBook: BookSaver? = nil,
    configure: (inout HostConfiguration) -> Void = { _ in }
  ) {
    self.transport = MemoryTransport(
      key: Self.key(number), network: network, addresses: addresses ?? [Self.address(number)],
      brokenListeners: brokenListeners, streamCapacity: streamCapacity, clock: clock)
    var configuration = HostConfiguration(
      localPeer: self.transport.peer, publicKey: self.transport.key, agentVersion: "fednode/test-\(number)")
    configure(&configuration)
    let events = EventLog(bootID: "00000000000\(number % 10)")
    self.recorder = EventRecorder(events)
    self.host = Host(
      configuration: configuration, transport: self.transport, events: events,
      clock: clock?.hostClock ?? .system(wall: { Int64(DispatchTime.now().uptimeNanoseconds / 1_000_000) }),
      services: HostServices(
        resolve: resolve ?? { _, _ in [] }, resolveText: resolveText, interfaces: { interfaces }, saveBook: saveBook))
  }

  static func started(
    _ number: UInt8, _ network: MemoryNetwork, clock: TestClock? = nil,
    configure: (inout HostConfiguration) -> Void = { _ in }
  ) async throws -> Node {
    let node = Node(number, network, clock: clock, configure: configure)
    try await node.host.start()
    return node
  }

  /// Two hosts, the first connected to the second, both identified.
  static func connectedPair(
    clock: TestClock? = nil, configure: (inout HostConfiguration) -> Void = { _ in }
  ) async throws -> (Node, Node, MemoryNetwork) {
    let network = MemoryNetwork()
    let first = try await Node.started(1, network, clock: clock, configure: configure)
    let second = try await Node.started(2, network, clock: clock, configure: configure)
    _ = await first.host.dial(peer: second.peer, addresses: [second.address], timeout: nil)
    await first.recorder.first("peer.identified", peer: second.peer)
    await second.recorder.first("peer.identified", peer: first.peer)
    return (first, second, network)
  }
}
