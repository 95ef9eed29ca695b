/// One protocol of which several versions are spoken, with the ids `<name>/v<version>`. Of two lists of versions the
/// highest major that both have counts, in it the highest minor that both have; patches say nothing.
package struct VersionedProtocol: Sendable, Hashable {
  /// Most versions of one protocol.
  package static let versionsMaximum = 16

  package let name: String
  /// Best first: highest major, then highest minor. Of those that differ in the patch alone, the highest.
  package let versions: [SemanticVersion]
  /// Of the versions, in their order.
  package let ids: [String]

  /// 1 to `versionsMaximum` versions, in any order.
  package init(name: String, versions: [SemanticVersion]) {
    precondition((1...Self.versionsMaximum).contains(versions.count), "1 to \(Self.versionsMaximum) versions")
    self.name = name
    var best: [SemanticVersion] = []
    for version in versions.sorted(by: >) where best.last?.matches(version) != true { best.append(version) }
    self.versions = best
    self.ids = best.map { "\(name)/v\($0)" }
  }

  package func id(of version: SemanticVersion) -> String { "\(self.name)/v\(version)" }

  /// The version in an id of this protocol, ours or not; nil for other ids.
  package func version(ofID id: String) -> SemanticVersion? {
    let prefix = "\(self.name)/v".utf8
    guard id.utf8.starts(with: prefix) else { return nil }
    return SemanticVersion(String(id.dropFirst(prefix.count)))
  }

  /// The version of ours that speaks what `id` names: same major and minor. Nil when there is none.
  package func accepts(_ id: String) -> SemanticVersion? {
    // The usual case: it names one of ours to the letter.
    if let index = self.ids.firstIndex(of: id) { return self.versions[index] }
    guard let proposed = self.version(ofID: id) else { return nil }
    return self.versions.first { $0.matches(proposed) }
  }

  /// The best version in common, with our patch; nil when there is none.
  package func best(inCommonWith offered: [SemanticVersion]) -> SemanticVersion? {
    self.versions.first { ours in offered.contains { $0.matches(ours) } }
  }
}
