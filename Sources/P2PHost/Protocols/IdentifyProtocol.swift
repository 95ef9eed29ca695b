internal import P2PCore

/// Tells a peer who we are and where we see it (libp2p specs: identify).
struct IdentifyProtocol: ProtocolHandler {
  static let protocolID = "/ipfs/id/1.0.0"
  /// Messages that it may tell it in; go-libp2p sends its signed record in a second one.
  static let messagesMax = 10

  let profile: LocalProfile

  var serves: ServedProtocol { .ids([Self.protocolID]) }
  /// One message and its end.
  var options: ProtocolOptions { ProtocolOptions(limits: ProtocolLimits(lifetime: .seconds(30))) }

  func handle(_ stream: ProtocolStream, from peer: RemotePeer) async throws {
    let message = self.profile.message(to: peer.connection.remoteAddress)
    try await stream.write(VarintFramer.frame(message.protobuf), finish: true)
  }

  /// Asks the peer of `connection`, and calls `receive` for each message as it comes: some peers do not end their
  /// side, and the first message is not to wait for that.
  static func query(
    on connection: any Connection, receive: @Sendable (IdentifyMessage) async -> Void
  ) async throws {
    let stream = try await ProtocolStream.open(on: connection, protocols: [Self.protocolID])
    do {
      try await Self.read(stream, receive: receive)
      try await stream.conclude()
    } catch {
      stream.reset(code: StreamCode.none)
      throw error
    }
  }

  /// Reads messages until the remote finishes.
  static func read(
    _ stream: ProtocolStream, receive: @Sendable (IdentifyMessage) async -> Void
  ) async throws {
    var left = IdentifyMessage.sizeMaximum
    for count in 0..<Self.messagesMax {
      guard let bytes = try await stream.readMessage(maximum: left) else {
        if count == 0 { throw ProtocolStreamError.unexpectedEnd }
        return
      }
      left -= bytes.count
      let message: IdentifyMessage
      do {
        message = try IdentifyMessage(protobuf: bytes)
      } catch {
        throw ProtocolStreamError.violation("\(error)")
      }
      await receive(message)
    }
  }
}

/// Hears from a peer that what it told about itself has changed (libp2p specs: identify/push).
struct IdentifyPushProtocol: ProtocolHandler {
  static let protocolID = "/ipfs/id/push/1.0.0"

  let receive: @Sendable (IdentifyMessage, any Connection) async -> Void

  init(receive: @escaping @Sendable (IdentifyMessage, any Connection) async -> Void) {
    self.receive = receive
  }

  var serves: ServedProtocol { .ids([Self.protocolID]) }
  /// A peer has something to say when it opens a push.
  var options: ProtocolOptions {
    ProtocolOptions(limits: ProtocolLimits(firstByteTime: .seconds(10), lifetime: .seconds(30)))
  }

  func handle(_ stream: ProtocolStream, from peer: RemotePeer) async throws {
    try await IdentifyProtocol.read(stream) { await self.receive($0, peer.connection) }
  }

  /// Tells the peer of `connection`.
  static func push(_ message: IdentifyMessage, on connection: any Connection) async throws {
    let stream = try await ProtocolStream.open(
      on: connection, protocols: [Self.protocolID], firstPayload: VarintFramer.frame(message.protobuf), finish: true)
    do {
      // The answer to the proposal is read here, and the peer's end.
      while try await stream.read(upTo: ProtocolStream.readSize) != nil {}
    } catch {
      stream.reset(code: StreamCode.none)
      throw error
    }
  }
}
