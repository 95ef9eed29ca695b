package import P2PCore

/// Serves one protocol, maybe in several versions, on the streams that remotes open.
package protocol ProtocolHandler: Sendable {
  /// `/ipfs/ping/1.0.0`
  var protocolIDs: [String] { get }

  /// Whether a shutdown waits for streams of this protocol. False for protocols whose streams lie idle by nature.
  var delaysShutdown: Bool { get }

  /// Runs once per stream, on the transport's executor; must not block. When it returns, our side is finished;
  /// when it throws, the stream is reset. The connection lives on in both cases.
  func handle(_ stream: ProtocolStream, context: StreamContext) async throws
}

extension ProtocolHandler {
  package var delaysShutdown: Bool { true }
}

/// Where a stream came from.
package struct StreamContext: Sendable {
  package let connection: any Connection
  /// The id that was agreed on.
  package let protocolID: String

  package var peer: PeerID { self.connection.remotePeer }

  package init(connection: any Connection, protocolID: String) {
    self.connection = connection
    self.protocolID = protocolID
  }
}

/// Why a protocol was not registered.
package enum ProtocolRegistrationError: Error, Sendable, Hashable, CustomStringConvertible {
  case alreadyRegistered(String)
  /// A protocol id begins with `/`, has no line feed and is at most this long in bytes.
  case badID(String, limit: Int)
  case tooMany(limit: Int)

  package var description: String {
    switch self {
    case .alreadyRegistered(let id): "protocol \(id) has a handler already; unregister it first"
    case .badID(let id, let limit):
      "'\(id)' is no protocol id: it must begin with '/', hold no line feed and be at most \(limit) bytes long"
    case .tooMany(let limit): "\(limit) protocols are registered, which is the most; unregister one first"
    }
  }
}
