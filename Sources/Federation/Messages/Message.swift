package import P2PCore

/// What a frame holds: the message `Frame` of federation.proto.
package enum Message: Sendable, Hashable {
  case hello(Hello)
  case accept(Accept)
  case reject(Reject)
  case keepAlive(KeepAlive)
  case keepAliveReply(KeepAliveReply)

  /// Nil for a frame without a message that is known here: a newer minor version has more of them.
  package init?(frame: [UInt8]) throws(WireError) {
    var message: Message?
    var reader = ProtobufReader(frame)
    while let field = try reader.next() {
      guard (1...5).contains(field.number) else { continue }
      if field.number <= 3, frame.count > FederationProtocol.handshakeFrameMax {
        throw .tooLong(size: UInt64(frame.count), maximum: FederationProtocol.handshakeFrameMax)
      }
      // Which of two would count differs from reader to reader.
      if message != nil { throw .malformed("two messages in one frame") }
      let bytes = try field.bytes()
      switch field.number {
      case 1: message = .hello(try Hello(protobuf: bytes))
      case 2: message = .accept(try Accept(protobuf: bytes))
      case 3: message = .reject(try Reject(protobuf: bytes))
      case 4: message = .keepAlive(try KeepAlive(protobuf: bytes))
      default: message = .keepAliveReply(try KeepAliveReply(protobuf: bytes))
      }
    }
    guard let message else { return nil }
    self = message
  }

  /// Without its length.
  package var frame: [UInt8] {
    var writer = ProtobufWriter(capacity: FieldRules.usualBytes)
    switch self {
    case .hello(let hello): writer.bytes(1, hello.protobuf)
    case .accept(let accept): writer.bytes(2, accept.protobuf)
    case .reject(let reject): writer.bytes(3, reject.protobuf)
    case .keepAlive(let keepAlive): writer.bytes(4, keepAlive.protobuf)
    case .keepAliveReply(let reply): writer.bytes(5, reply.protobuf)
    }
    return writer.bytes
  }

  /// For messages to people.
  package var name: String {
    switch self {
    case .hello: "hello"
    case .accept: "accept"
    case .reject: "reject"
    case .keepAlive: "keep_alive"
    case .keepAliveReply: "keep_alive_reply"
    }
  }
}
