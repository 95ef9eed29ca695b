/// A way to reach peers: listens, dials, and yields authenticated connections.
///
/// `P2PHost` knows only this. QUIC implements it; tests use an in-memory one.
package protocol Transport: AnyObject, Sendable {
  /// The executor that streams of this transport live on. Protocol handlers run there, so that a read or a write
  /// of a stream needs no thread hop.
  var streamExecutor: (any TaskExecutor)? { get }

  /// Addresses that sockets are really bound to, ports resolved, without `/p2p`. Wildcards stay wildcards.
  var listenAddresses: [Multiaddr] { get }

  /// What became of every configured listen address. Where one stands for those of interfaces, these are here instead,
  /// and it is here with an error while one of the interfaces is missing.
  var listeners: [ListenerStatus] { get }

  /// Begins to accept. `admits` is asked for the address (4 or 16 bytes) of every newcomer before anything is done
  /// for it, and answers why it is refused, or nil. `events` is called in order. Both are called on the transport's
  /// thread and must return at once.
  func start(
    admits: @escaping @Sendable (_ ip: [UInt8]) -> String?, events: @escaping @Sendable (TransportEvent) -> Void
  ) async throws

  /// Dials one resolved address (`/ip4|ip6/…/udp/…/quic-v1`, any `/p2p` ignored). Returns when the remote has
  /// accepted us (QUIC: handshake confirmed). Cancelling the task abandons the dial and tells the remote.
  /// The connection is also reported by `.opened` before this returns.
  func dial(_ address: Multiaddr, expecting peer: PeerID?, timeout: Duration) async throws(DialError) -> any Connection

  /// Figures of this moment of connections of this transport, in their order; nil for one that is gone.
  func statistics(of connections: [any Connection]) async -> [ConnectionStatistics?]

  /// What came to the transport beside its connections.
  func figures() async -> TransportFigures

  /// Refuses new connections from now on.
  func stopAccepting() async

  /// Closes all connections with `code`, then the sockets. Returns when both are gone or after `timeout`.
  func shutdown(code: UInt64, timeout: Duration) async
}

extension Transport {
  /// Nothing, for one that counts nothing.
  package func figures() async -> TransportFigures { TransportFigures() }

  /// As above, refusing nobody.
  package func start(_ events: @escaping @Sendable (TransportEvent) -> Void) async throws {
    try await self.start(admits: { _ in nil }, events: events)
  }
}

/// What a transport counts beside its connections: since the start, unless it says otherwise.
package struct TransportFigures: Sendable, Hashable {
  /// Datagrams that belonged to no connection and began none.
  package var datagramsDropped = 0
  /// Answers to datagrams without a connection (RFC 9000 §8.1.2, §6, §10.3).
  package var retriesSent = 0
  package var versionNegotiationsSent = 0
  package var statelessResetsSent = 0
  /// Inbound connections that were refused before their handshake.
  package var handshakesRefused = 0
  /// Inbound handshakes that began and came to no connection.
  package var handshakesFailed = 0
  /// Inbound handshakes under way now.
  package var handshakes = 0
  package var handshakesMax: Int?
  /// Certificates kept now, so that a peer that comes again costs less.
  package var certificates = 0
  package var certificatesMax: Int?
  /// Bytes that are set aside now for what peers may send.
  package var buffersReserved: UInt64 = 0
  package var buffersMax: UInt64?

  package init() {}
}

/// State of one configured listen address.
package struct ListenerStatus: Sendable, Hashable {
  package var address: Multiaddr
  /// Nil when it listens.
  package var error: String?

  package init(address: Multiaddr, error: String?) {
    self.address = address
    self.error = error
  }
}

/// What a transport tells its host, in order.
package enum TransportEvent: Sendable {
  /// Authenticated and confirmed; inbound and outbound alike.
  case opened(any Connection)
  /// The last word about a connection that was `.opened`.
  case closed(any Connection, CloseReason)
  /// The remote opened a bidirectional stream.
  case stream(any Stream, on: any Connection)
  /// The remote moved to another address and the path was validated (RFC 9000 §9).
  case pathChanged(any Connection)
  /// An inbound connection that was not accepted or whose handshake failed, with the reason. Rate-limited by the
  /// transport.
  case inboundRefused(remoteAddress: Multiaddr, reason: String)
  /// So many datagrams since the last such event belonged to no connection and began none; the sender of the latest
  /// may be forged. At most one a minute.
  case datagramsDropped(count: Int, lastFrom: Multiaddr)
  /// A listen address came after `start`; what became of those before says `listeners`.
  case listenerAdded(ListenerStatus)
  /// Likewise; `address gone` where one listened until now.
  case listenerFailed(ListenerStatus)
  /// Addresses, links or routes of this machine changed. The transport has followed already; at most once a second.
  case networkChanged
}
