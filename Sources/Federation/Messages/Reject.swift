internal import P2PCore

/// The sender's last frame: it wants no session, or no longer.
package struct Reject: Sendable, Hashable {
  package var code: RejectCode
  /// For people.
  package var reason: String

  package init(code: RejectCode, reason: String) {
    self.code = code
    self.reason = reason
  }

  init(_ fields: ProtobufReader) throws(WireError) {
    var fields = fields
    self.code = .other(0)
    self.reason = ""
    while let number = try fields.next() {
      switch number {
      case 1: self.code = RejectCode(try FieldRules.uint32(fields))
      case 2: self.reason = try FieldRules.reason(try fields.string())
      default: break
      }
    }
  }

  func write(to writer: inout ProtobufWriter) {
    writer.single(1, UInt64(self.code.number))
    writer.single(2, self.reason)
  }
}
