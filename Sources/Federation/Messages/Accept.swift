package import P2PCore

/// The responder's answer to a hello that it takes.
package struct Accept: Sendable, Hashable {
  /// Of the session.
  package var version: SemanticVersion
  /// All that the responder speaks; 1 to `VersionedProtocol.versionsMaximum`.
  package var versions: [SemanticVersion]
  package var agent: String
  /// Those in common.
  package var capabilities: [String]
  /// Largest frame that the responder accepts, bytes.
  package var frameLimit: Int
  /// The responder's clock when the hello arrived and when this left, milliseconds since the Unix epoch.
  package var helloReceivedMilliseconds: UInt64
  package var timeMilliseconds: UInt64

  package init(
    version: SemanticVersion, versions: [SemanticVersion], agent: String, capabilities: [String], frameLimit: Int,
    helloReceivedMilliseconds: UInt64, timeMilliseconds: UInt64
  ) {
    self.version = version
    self.versions = versions
    self.agent = agent
    self.capabilities = capabilities
    self.frameLimit = frameLimit
    self.helloReceivedMilliseconds = helloReceivedMilliseconds
    self.timeMilliseconds = timeMilliseconds
  }

  init(_ fields: ProtobufReader) throws(WireError) {
    var fields = fields
    var version: SemanticVersion?
    var versions: [SemanticVersion] = []
    var agent = ""
    var capabilities: [String] = []
    var limit: UInt32 = 0
    var received: UInt64 = 0
    var time: UInt64 = 0
    while let number = try fields.next() {
      switch number {
      case 1: version = try FieldRules.version(fields)
      case 2:
        try FieldRules.room(versions.count, VersionedProtocol.versionsMaximum, "versions")
        versions.append(try FieldRules.version(fields))
      case 3: agent = try FieldRules.agent(try fields.string())
      case 4:
        try FieldRules.room(capabilities.count, FieldRules.capabilitiesMax, "capabilities")
        capabilities.append(try FieldRules.capability(try fields.string()))
      case 5: limit = try FieldRules.uint32(fields)
      case 6: received = try FieldRules.time(fields)
      case 7: time = try FieldRules.time(fields)
      default: break
      }
    }
    guard let version, !versions.isEmpty else { throw .malformed("no version is given") }
    self.version = version
    self.versions = versions
    self.agent = agent
    self.capabilities = capabilities
    self.frameLimit = try FieldRules.frameLimit(limit)
    self.helloReceivedMilliseconds = received
    self.timeMilliseconds = time
  }

  func write(to writer: inout ProtobufWriter) {
    writer.single(1, self.version.description)
    for version in self.versions { writer.string(2, version.description) }
    writer.single(3, self.agent)
    for capability in self.capabilities { writer.string(4, capability) }
    writer.single(5, UInt64(self.frameLimit))
    Self.writeTimes(self.helloReceivedMilliseconds, self.timeMilliseconds, to: &writer)
  }

  /// The last two fields.
  static func writeTimes(_ helloReceived: UInt64, _ now: UInt64, to writer: inout ProtobufWriter) {
    writer.single(6, helloReceived)
    writer.single(7, now)
  }
}
