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

  init(protobuf: [UInt8]) throws(WireError) {
    self.code = .other(0)
    self.reason = ""
    var reader = ProtobufReader(protobuf)
    while let field = try reader.next() {
      switch field.number {
      case 1: self.code = RejectCode(try FieldRules.uint32(field))
      case 2: self.reason = try FieldRules.reason(try field.string())
      default: break
      }
    }
  }

  var protobuf: [UInt8] {
    var writer = ProtobufWriter()
    writer.single(1, UInt64(self.code.number))
    writer.single(2, self.reason)
    return writer.bytes
  }
}
