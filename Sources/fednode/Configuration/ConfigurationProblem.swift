/// Something wrong with the configuration: where, which key, what, and how to mend it.
struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
  /// `fednode.yaml:3`, `environment FEDNODE_API_ADDRESS`, `flag --api`
  let place: String
  let key: String?
  let message: String
  let mend: String

  var description: String {
    let subject = self.key.map { "\(self.place): \($0)" } ?? self.place
    return "\(subject): \(self.message); \(self.mend)"
  }
}

/// All problems of a configuration, in the order of file, environment, flags.
struct ConfigurationFailure: Error, Sendable, Hashable {
  let problems: [ConfigurationProblem]
}

/// Where a value came from.
enum ConfigurationOrigin: Sendable, Hashable, CustomStringConvertible {
  case standard
  case file(String, line: Int)
  case environment(String)
  case flag(String)

  var description: String {
    switch self {
    case .standard: "default"
    case .file(let path, let line): "\(path):\(line)"
    case .environment(let name): "environment \(name)"
    case .flag(let name): "flag \(name)"
    }
  }
}
