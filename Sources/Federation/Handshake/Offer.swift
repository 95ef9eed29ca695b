package import P2PCore

/// What a side brings to a handshake. Every handshake holds it, so it is an object.
package final class Offer: Sendable {
  package let spoken: VersionedProtocol
  /// `mainnet`, `signet`, `regtest`; both sides must have the same.
  package let network: String
  /// Software and version, for people.
  package let agent: String
  /// Sorted by their bytes, each once.
  package let capabilities: [String]
  /// Largest frame accepted, bytes.
  package let frameLimit: Int
  // Encoded once, as nearly every handshake sends the same: our hello without its time, and of each version that we
  // speak our accept without its times and without capabilities in common. Times are the last fields of both.
  private let hello: [UInt8]
  private let accepts: [[UInt8]]

  /// Refuses what the remote would find malformed.
  package init(
    spoken: VersionedProtocol = FederationProtocol.spoken, network: String, agent: String,
    capabilities: [String] = [], frameLimit: Int = FederationProtocol.frameLimitDefault
  ) throws(WireError) {
    self.spoken = spoken
    self.network = try FieldRules.network(network)
    self.agent = try FieldRules.agent(agent)
    for capability in capabilities { _ = try FieldRules.capability(capability) }
    let sorted = Set(capabilities).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    if sorted.count > FieldRules.capabilitiesMax {
      throw .malformed("more than \(FieldRules.capabilitiesMax) capabilities")
    }
    self.capabilities = sorted
    guard (FederationProtocol.frameLimitMin...FederationProtocol.frameLimitMax).contains(frameLimit) else {
      throw .malformed(
        "a frame limit is \(FederationProtocol.frameLimitMin) to \(FederationProtocol.frameLimitMax) bytes, "
          + "unlike \(frameLimit)")
    }
    self.frameLimit = frameLimit
    let hello = Hello(
      versions: spoken.versions, network: network, agent: agent, capabilities: sorted, frameLimit: frameLimit,
      timeMilliseconds: 0)
    self.hello = Self.fields { hello.write(to: &$0) }
    self.accepts = spoken.versions.map { version in
      let accept = Accept(
        version: version, versions: spoken.versions, agent: agent, capabilities: [], frameLimit: frameLimit,
        helloReceivedMilliseconds: 0, timeMilliseconds: 0)
      return Self.fields { accept.write(to: &$0) }
    }
  }

  private static func fields(_ write: (inout ProtobufWriter) -> Void) -> [UInt8] {
    var writer = ProtobufWriter()
    write(&writer)
    return writer.bytes
  }

  /// Our hello, without its length.
  func helloFrame(timeMilliseconds: UInt64) -> [UInt8] {
    var writer = ProtobufWriter(capacity: self.hello.count + FieldRules.timesBytes)
    writer.message(Message.helloNumber) { writer in
      writer.fields(self.hello)
      Hello.writeTime(timeMilliseconds, to: &writer)
    }
    return writer.bytes
  }

  /// Our accept, likewise.
  func acceptFrame(
    _ version: SemanticVersion, capabilities: [String], helloReceivedMilliseconds: UInt64, timeMilliseconds: UInt64
  ) -> [UInt8] {
    guard capabilities.isEmpty, let index = self.spoken.versions.firstIndex(of: version) else {
      let accept = Accept(
        version: version, versions: self.spoken.versions, agent: self.agent, capabilities: capabilities,
        frameLimit: self.frameLimit, helloReceivedMilliseconds: helloReceivedMilliseconds,
        timeMilliseconds: timeMilliseconds)
      return Message.accept(accept).frame
    }
    var writer = ProtobufWriter(capacity: self.accepts[index].count + FieldRules.timesBytes)
    writer.message(Message.acceptNumber) { writer in
      writer.fields(self.accepts[index])
      Accept.writeTimes(helloReceivedMilliseconds, timeMilliseconds, to: &writer)
    }
    return writer.bytes
  }

  /// Those of `others` that are ours as well, sorted.
  func capabilities(inCommonWith others: [String]) -> [String] {
    if self.capabilities.isEmpty || others.isEmpty { return [] }
    let others = Set(others)
    return self.capabilities.filter { others.contains($0) }
  }
}
