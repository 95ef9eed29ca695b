package import P2PCore

/// The initiator's first frame: what it offers.
package struct Hello: Sendable, Hashable {
  /// All that the initiator speaks; 1 to `VersionedProtocol.versionsMaximum`.
  package var versions: [SemanticVersion]
  package var network: String
  package var agent: String
  package var capabilities: [String]
  /// Largest frame that the initiator accepts, bytes.
  package var frameLimit: Int
  /// The initiator's clock, milliseconds since the Unix epoch.
  package var timeMilliseconds: UInt64

  package init(
    versions: [SemanticVersion], network: String, agent: String, capabilities: [String], frameLimit: Int,
    timeMilliseconds: UInt64
  ) {
    self.versions = versions
    self.network = network
    self.agent = agent
    self.capabilities = capabilities
    self.frameLimit = frameLimit
    self.timeMilliseconds = timeMilliseconds
  }

  init(_ fields: ProtobufReader) throws(WireError) {
    var fields = fields
    var versions: [SemanticVersion] = []
    var network: String?
    var agent = ""
    var capabilities: [String] = []
    var limit: UInt32 = 0
    var time: UInt64 = 0
    while let number = try fields.next() {
      switch number {
      case 1:
        try FieldRules.room(versions.count, VersionedProtocol.versionsMaximum, "versions")
        versions.append(try FieldRules.version(fields))
      case 2: network = try FieldRules.network(try fields.string())
      case 3: agent = try FieldRules.agent(try fields.string())
      case 4:
        try FieldRules.room(capabilities.count, FieldRules.capabilitiesMax, "capabilities")
        capabilities.append(try FieldRules.capability(try fields.string()))
      case 5: limit = try FieldRules.uint32(fields)
      case 6: time = try FieldRules.time(fields)
      default: break
      }
    }
    if versions.isEmpty { throw .malformed("no version is offered") }
    guard let network else { throw .malformed("no network is named") }
    self.versions = versions
    self.network = network
    self.agent = agent
    self.capabilities = capabilities
    self.frameLimit = try FieldRules.frameLimit(limit)
    self.timeMilliseconds = time
  }

  func write(to writer: inout ProtobufWriter) {
    for version in self.versions { writer.string(1, version.description) }
    writer.single(2, self.network)
    writer.single(3, self.agent)
    for capability in self.capabilities { writer.string(4, capability) }
    writer.single(5, UInt64(self.frameLimit))
    Self.writeTime(self.timeMilliseconds, to: &writer)
  }

  /// The last field.
  static func writeTime(_ milliseconds: UInt64, to writer: inout ProtobufWriter) { writer.single(6, milliseconds) }
}
