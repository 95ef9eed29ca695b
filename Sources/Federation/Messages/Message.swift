package import P2PCore

/// What a frame holds: the message `Frame` of federation.proto.
package enum Message: Sendable, Hashable {
  case hello(Hello)
  case accept(Accept)
  case reject(Reject)
  case keepAlive(KeepAlive)
  case keepAliveReply(KeepAliveReply)

  // Field numbers of `Frame`.
  static let helloNumber: UInt32 = 1
  static let acceptNumber: UInt32 = 2

  /// Nil for a frame without a message that is known here: a newer minor version has more of them.
  package init?(frame: [UInt8]) throws(WireError) {
    var reader = ProtobufReader(frame)
    var found: (number: UInt32, fields: ProtobufReader)?
    while let number = try reader.next() {
      guard (1...5).contains(number) else { continue }
      if number <= 3, frame.count > FederationProtocol.handshakeFrameMax {
        throw .tooLong(size: UInt64(frame.count), maximum: FederationProtocol.handshakeFrameMax)
      }
      // Which of two would count differs from reader to reader.
      if found != nil { throw .malformed("two messages in one frame") }
      found = (number, try reader.message())
    }
    guard let found else { return nil }
    switch found.number {
    case Self.helloNumber: self = .hello(try Hello(found.fields))
    case Self.acceptNumber: self = .accept(try Accept(found.fields))
    case 3: self = .reject(try Reject(found.fields))
    case 4: self = .keepAlive(try KeepAlive(found.fields))
    default: self = .keepAliveReply(try KeepAliveReply(found.fields))
    }
  }

  /// Without its length.
  package var frame: [UInt8] {
    var writer = ProtobufWriter(capacity: FieldRules.usualBytes)
    switch self {
    case .hello(let hello): writer.message(Self.helloNumber) { hello.write(to: &$0) }
    case .accept(let accept): writer.message(Self.acceptNumber) { accept.write(to: &$0) }
    case .reject(let reject): writer.message(3) { reject.write(to: &$0) }
    case .keepAlive(let keepAlive): writer.message(4) { keepAlive.write(to: &$0) }
    case .keepAliveReply(let reply): writer.message(5) { reply.write(to: &$0) }
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
