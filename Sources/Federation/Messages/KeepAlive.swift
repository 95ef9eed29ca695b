internal import P2PCore

/// Asks whether the other side still answers, and for its clock.
package struct KeepAlive: Sendable, Hashable {
  /// Counts the sender's keep-alives of this session.
  package var number: UInt64
  /// The sender's clock, milliseconds since the Unix epoch.
  package var timeMilliseconds: UInt64

  package init(number: UInt64, timeMilliseconds: UInt64) {
    self.number = number
    self.timeMilliseconds = timeMilliseconds
  }

  init(_ fields: ProtobufReader) throws(WireError) {
    var fields = fields
    self.init(number: 0, timeMilliseconds: 0)
    while let number = try fields.next() {
      switch number {
      case 1: self.number = try fields.varint()
      case 2: self.timeMilliseconds = try FieldRules.time(fields)
      default: break
      }
    }
  }

  func write(to writer: inout ProtobufWriter) {
    writer.single(1, self.number)
    writer.single(2, self.timeMilliseconds)
  }
}

/// The answer to a `KeepAlive`.
package struct KeepAliveReply: Sendable, Hashable {
  /// Both of the keep-alive that is answered.
  package var number: UInt64
  package var timeMilliseconds: UInt64
  /// The replier's clock when the keep-alive arrived and when this left, milliseconds since the Unix epoch.
  package var receivedMilliseconds: UInt64
  package var sentMilliseconds: UInt64

  package init(to request: KeepAlive, receivedMilliseconds: UInt64, sentMilliseconds: UInt64) {
    self.number = request.number
    self.timeMilliseconds = request.timeMilliseconds
    self.receivedMilliseconds = receivedMilliseconds
    self.sentMilliseconds = sentMilliseconds
  }

  init(_ fields: ProtobufReader) throws(WireError) {
    var fields = fields
    self.init(to: KeepAlive(number: 0, timeMilliseconds: 0), receivedMilliseconds: 0, sentMilliseconds: 0)
    while let number = try fields.next() {
      switch number {
      case 1: self.number = try fields.varint()
      case 2: self.timeMilliseconds = try FieldRules.time(fields)
      case 3: self.receivedMilliseconds = try FieldRules.time(fields)
      case 4: self.sentMilliseconds = try FieldRules.time(fields)
      default: break
      }
    }
  }

  func write(to writer: inout ProtobufWriter) {
    writer.single(1, self.number)
    writer.single(2, self.timeMilliseconds)
    writer.single(3, self.receivedMilliseconds)
    writer.single(4, self.sentMilliseconds)
  }
}
