internal import P2PCore

/// What the texts and numbers in messages may be. Each rule returns its argument or says what is wrong with it.
enum FieldRules {
  /// What most messages fit into.
  static let usualBytes = 128
  /// Two times, and what stands before a message.
  static let timesBytes = 24
  static let networkBytesMax = 32
  static let agentBytesMax = 256
  static let capabilitiesMax = 32
  static let capabilityBytesMax = 64
  static let reasonBytesMax = 512
  /// What JSON readers hold exactly; milliseconds until the year 287396.
  static let timeMax: UInt64 = 1 << 53 - 1

  static func network(_ text: String) throws(WireError) -> String {
    let isGood = self.all(text) { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        || byte == UInt8(ascii: "-")
    }
    guard isGood, (1...self.networkBytesMax).contains(text.utf8.count) else {
      throw .malformed("a network name is 1 to \(self.networkBytesMax) of a-z, 0-9 and '-', unlike \(quoted(text))")
    }
    return text
  }

  static func agent(_ text: String) throws(WireError) -> String {
    try self.line(text, "an agent", self.agentBytesMax)
  }

  static func reason(_ text: String) throws(WireError) -> String {
    try self.line(text, "a reason", self.reasonBytesMax)
  }

  /// `text` as a reason that every reader takes.
  static func cut(reason text: String) -> String {
    var reason = ""
    for scalar in text.unicodeScalars where !self.isControl(scalar) {
      if reason.utf8.count + UTF8.width(scalar) > self.reasonBytesMax { break }
      reason.unicodeScalars.append(scalar)
    }
    return reason
  }

  static func capability(_ text: String) throws(WireError) -> String {
    guard (1...self.capabilityBytesMax).contains(text.utf8.count), self.all(text, { (0x21...0x7E).contains($0) })
    else {
      throw .malformed(
        "a capability is 1 to \(self.capabilityBytesMax) printable ASCII characters, unlike \(quoted(text))")
    }
    return text
  }

  /// One more of a list that has `count` already.
  static func room(_ count: Int, _ maximum: Int, _ what: String) throws(WireError) {
    guard count < maximum else { throw .malformed("more than \(maximum) \(what)") }
  }

  static func version(_ field: ProtobufReader) throws(WireError) -> SemanticVersion {
    if let version = try field.withBytes({ SemanticVersion(utf8: $0) }) { return version }
    throw .malformed("\(quoted(try field.string())) is no version")
  }

  static func time(_ field: ProtobufReader) throws(WireError) -> UInt64 {
    let time = try field.varint()
    guard time <= self.timeMax else { throw .malformed("a time of more than 53 bits") }
    return time
  }

  /// A `uint32`. Readers that were generated would cut a larger one silently; no sender can mean it.
  static func uint32(_ field: ProtobufReader) throws(WireError) -> UInt32 {
    guard let number = UInt32(exactly: try field.varint()) else {
      throw .malformed("field \(field.number) has more than 32 bits")
    }
    return number
  }

  static func frameLimit(_ limit: UInt32) throws(WireError) -> Int {
    guard limit >= FederationProtocol.frameLimitMin else {
      throw .malformed("a frame limit of \(limit) bytes, below \(FederationProtocol.frameLimitMin)")
    }
    return min(Int(limit), FederationProtocol.frameLimitMax)
  }

  private static func line(_ text: String, _ what: String, _ maximum: Int) throws(WireError) -> String {
    guard text.utf8.count <= maximum else { throw .malformed("\(what) of more than \(maximum) bytes") }
    if self.all(text, { (0x20..<0x7F).contains($0) }) { return text }
    if text.unicodeScalars.contains(where: { self.isControl($0) }) {
      throw .malformed("\(what) with a control character")
    }
    return text
  }

  /// Every byte of `text` is `good`. Several times as fast as `text.utf8.allSatisfy`.
  private static func all(_ text: String, _ good: (UInt8) -> Bool) -> Bool {
    var text = text
    return text.withUTF8 { $0.allSatisfy(good) }
  }

  /// General category Cc.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
  }
}
