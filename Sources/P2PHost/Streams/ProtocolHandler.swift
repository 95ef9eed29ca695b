package import P2PCore

/// Serves one protocol, maybe in several versions, on the streams that remotes open.
///
/// `EchoHandler` of the tests is one to begin from.
package protocol ProtocolHandler: Sendable {
  /// What is proposed to reach it; read once, when it is registered.
  var serves: ServedProtocol { get }

  /// Its limits and where it runs; read once, when it is registered.
  var options: ProtocolOptions { get }

  /// Runs once per stream. When it returns, our side is finished; when it throws, the stream is reset, with the code
  /// of the error where that is a `StreamCodeError` and with `StreamCode.none` otherwise. The connection lives on in
  /// all cases. It must not block unless `options.executor` is one that may be blocked.
  func handle(_ stream: ProtocolStream, from peer: RemotePeer) async throws

  /// A remote proposed a version that this handler does not speak, and none that it does. Once per stream; may be called
  /// by anyone who is connected.
  func declined(_ peer: RemotePeer) async
}

extension ProtocolHandler {
  package var options: ProtocolOptions { ProtocolOptions() }
  package func declined(_ peer: RemotePeer) async {}
}

/// A handler that serves its streams without a task of their own, for a protocol of which very many are opened: of a
/// stream with one request and one answer a task is a tenth of the time. `handle` is for transports that have no thread.
package protocol CallbackHandler: AnyObject, ProtocolHandler {
  /// In place of `handle`, on the transport's thread, wherever `options.executor` is: returns at once, and calls `done` when
  /// the stream is served, once and from any thread, with what `handle` would return or throw.
  func serve(
    _ stream: ProtocolStream, from peer: RemotePeer, done: @escaping @Sendable (Result<Void, any Error>) -> Void)
}

/// The protocol ids that lead to a handler.
package enum ServedProtocol: Sendable, Hashable {
  /// Proposed exactly so: `/ipfs/ping/1.0.0`. Printable ASCII without space, with or without a leading slash.
  case ids([String])
  /// Proposed in one of these versions, whatever the patch: `vtcp/btc-foundation/v1.2.0`
  case versions(VersionedProtocol)

  /// What identify tells of; the first names the handler in lists and metrics.
  package var ids: [String] {
    switch self {
    case .ids(let ids): ids
    case .versions(let versioned): versioned.ids
    }
  }
}

/// Who opened a stream, and for what.
package struct RemotePeer: Sendable {
  package let connection: any Connection
  /// The id that was agreed on, as it was proposed.
  package let protocolID: String

  package var id: PeerID { self.connection.remotePeer }

  package init(connection: any Connection, protocolID: String) {
    self.connection = connection
    self.protocolID = protocolID
  }
}

/// An error that knows the code to reset its stream with (libp2p specs: error-codes).
package protocol StreamCodeError: Error {
  var streamCode: UInt64 { get }
}

/// Why a protocol was not registered.
package enum ProtocolRegistrationError: Error, Sendable, Hashable, CustomStringConvertible {
  case alreadyRegistered(String)
  case badID(String, limit: Int)
  /// It serves no id at all.
  case nothingServed
  case tooMany(limit: Int)

  package var description: String {
    switch self {
    case .alreadyRegistered(let id): "protocol \(id) has a handler already; withdraw it first"
    case .badID(let id, let limit):
      "\(quoted(id)) is no protocol id: it must be 1 to \(limit) bytes of printable ASCII without space"
    case .nothingServed: "the handler names no protocol id; give it at least one"
    case .tooMany(let limit): "\(limit) protocol ids are registered, which is the most; withdraw one first"
    }
  }
}
