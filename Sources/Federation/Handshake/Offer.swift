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
  }

  /// Those of `others` that are ours as well, sorted.
  func capabilities(inCommonWith others: [String]) -> [String] {
    if self.capabilities.isEmpty || others.isEmpty { return [] }
    let others = Set(others)
    return self.capabilities.filter { others.contains($0) }
  }
}
