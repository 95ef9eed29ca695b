/// All that a configuration is made from.
struct ConfigurationInput: Sendable {
  /// A value given by a flag, as often as the flag stands there.
  struct FlagValue: Sendable {
    /// `--listen`
    let flag: String
    /// `network.addresses`
    let key: String
    let values: [String]
  }

  /// From `--config`; nil: search.
  var file: String?
  var flags: [FlagValue] = []
  var environment: [String: String] = [:]

  var home: String? { self.environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } }

  /// Where a file is looked for without `--config`, best first.
  var searchPaths: [String] {
    var paths = ["./fednode.yaml"]
    if let base = self.directory("XDG_CONFIG_HOME", below: ".config") { paths.append("\(base)/fednode/fednode.yaml") }
    return paths + ["/etc/fednode/fednode.yaml"]
  }

  /// Nil when the environment names no place for data.
  var defaultDataDirectory: String? {
    self.directory("XDG_DATA_HOME", below: ".local/share").map { "\($0)/fednode" }
  }

  /// A relative path in such a variable is to be ignored (XDG Base Directory Specification).
  private func directory(_ variable: String, below relative: String) -> String? {
    if let base = self.environment[variable], base.hasPrefix("/") { return base }
    return self.home.map { "\($0)/\(relative)" }
  }
}
