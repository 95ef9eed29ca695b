internal import ManagementAPI
internal import MicroHTTP
internal import P2PCore
internal import YAML

/// A configuration and where each of its values came from.
struct LoadedConfiguration: Sendable {
  let configuration: Configuration
  /// The file that was read.
  let file: String?
  let keys: [ConfigurationKey]
  private let origins: [String: ConfigurationOrigin]

  init(
    _ configuration: Configuration, file: String?, keys: [ConfigurationKey],
    origins: [String: ConfigurationOrigin]
  ) {
    self.configuration = configuration
    self.file = file
    self.keys = keys
    self.origins = origins
  }

  func origin(of key: String) -> ConfigurationOrigin { self.origins[key] ?? .standard }

  /// For people: the value of `key`, or that it is secret.
  func shown(_ key: ConfigurationKey) -> RawValue {
    let value = key.show(self.configuration)
    return key.isSecret && value != .literal("null") ? .text("[secret]") : value
  }

  /// Names of the keys whose values differ, what stands in the files that they name included; in their order.
  func differences(from other: LoadedConfiguration) -> [String] {
    let (mine, others) = (self.configuration, other.configuration)
    return self.keys.filter { key in
      if key.show(mine) != key.show(others) { return true }
      switch key.name {
      case "peers.file": return mine.filePeers != others.filePeers
      case "api.token_file": return !APIToken.areSame(mine.apiToken, others.apiToken)
      case "api.tls.certificate_file": return mine.apiTLS?.certificate != others.apiTLS?.certificate
      case "api.tls.key_file": return mine.apiTLS?.key != others.apiTLS?.key
      case "api.tls.client_ca_file": return mine.apiTLS?.clientAuthority != others.apiTLS?.clientAuthority
      case "api.admin_token_file": return !APIToken.areSame(mine.apiAdminToken, others.apiAdminToken)
      default: return false
      }
    }.map(\.name)
  }

  /// This one with the values of `names` as in `other`.
  func keeping(_ names: [String], of other: LoadedConfiguration) -> LoadedConfiguration {
    var (configuration, origins) = (self.configuration, self.origins)
    for key in self.keys where names.contains(key.name) {
      key.copy(other.configuration, &configuration)
      origins[key.name] = other.origins[key.name]
    }
    configuration.apiTLS = other.configuration.apiTLS
    return LoadedConfiguration(configuration, file: self.file, keys: self.keys, origins: origins)
  }

  /// A problem at the place that gave `key` its value.
  func problem(_ key: String, _ message: String, mend: String) -> ConfigurationProblem {
    ConfigurationProblem(place: self.origin(of: key).description, key: key, message: message, mend: mend)
  }
}

/// Makes a configuration: flag over environment over file over default. Finds all problems at once.
struct ConfigurationLoader {
  private let input: ConfigurationInput
  private let keys: [ConfigurationKey]
  private var configuration = Configuration()
  private var origins: [String: ConfigurationOrigin] = [:]
  private var problems: [ConfigurationProblem] = []

  /// - Parameter checkingKey: whether a private key that cannot be used is a problem.
  static func load(
    _ input: ConfigurationInput, checkingKey: Bool = true
  ) throws(ConfigurationFailure) -> LoadedConfiguration {
    var loader = ConfigurationLoader(input)
    let file = loader.readFile()
    loader.readEnvironment()
    loader.readFlags()
    loader.readPeersFile()
    loader.readTokens(file?.path)
    let loaded = loader.loaded(file?.path)
    loader.problems += ConfigurationCheck.problems(loaded, fileIsOpenToOthers: file?.isOpenToOthers ?? false)
    if checkingKey {
      do throws(ConfigurationFailure) {
        _ = try IdentityStore.load(loaded)
      } catch {
        loader.problems += error.problems
      }
    }
    guard loader.problems.isEmpty else { throw ConfigurationFailure(problems: loader.problems) }
    return loaded
  }

  private init(_ input: ConfigurationInput) {
    self.input = input
    self.keys = ConfigurationKey.all(home: input.home)
    self.configuration.dataDirectory = input.defaultDataDirectory ?? ""
  }

  // MARK: File

  private mutating func readFile() -> (path: String, isOpenToOthers: Bool)? {
    let isNamed = self.input.file != nil
    for path in self.input.file.map({ [$0] }) ?? self.input.searchPaths {
      do {
        let content = try Files.read(path, max: YAMLDocument.bytesMax)
        self.readDocument(content.bytes, path)
        return (path, content.isOpenToOthers)
      } catch {
        if error.isMissing, !isNamed { continue }
        self.report(
          path, nil, error.description,
          mend: isNamed ? "name a file that can be read with --config" : "make it readable or remove it")
        return nil
      }
    }
    return nil
  }

  private mutating func readDocument(_ bytes: [UInt8], _ path: String) {
    do throws(YAMLProblem) {
      let document = try YAMLDocument(bytes)
      for problem in document.problems {
        self.report("\(path):\(problem.mark.line)", nil, problem.message, mend: "a key may stand once")
      }
      guard let root = document.root else { return }
      guard case .mapping(let entries) = root.content else {
        self.report(
          "\(path):\(root.mark.line)", nil, "the file holds no keys", mend: "write lines such as logging: {level: info}"
        )
        return
      }
      self.readEntries(entries, below: "", path)
    } catch {
      self.report(
        "\(path):\(error.mark.line)", nil, error.message, mend: "mend column \(error.mark.column) of this line")
    }
  }

  /// Depth is bounded by the document's.
  private mutating func readEntries(_ entries: [YAMLNode.Entry], below prefix: String, _ path: String) {
    for entry in entries {
      let name = prefix + entry.key
      let place = "\(path):\(entry.keyMark.line)"
      if let key = self.keys.first(where: { $0.name == name }) {
        // Nothing after the colon is the default.
        if entry.value.isNull { continue }
        self.set(key, RawValue(entry.value), .file(path, line: entry.value.mark.line), place)
      } else if self.keys.contains(where: { $0.name.hasPrefix(name + ".") }) {
        if entry.value.isNull { continue }
        guard case .mapping(let inner) = entry.value.content else {
          let example = self.keys.first { $0.name.hasPrefix(name + ".") }?.name ?? name
          self.report(
            place, name, "is a section with keys of its own, not a value",
            mend: "write its keys below it, indented, for example \(example)")
          continue
        }
        self.readEntries(inner, below: name + ".", path)
      } else {
        self.report(place, name, "unknown key", mend: self.mendUnknown(name))
      }
    }
  }

  private func mendUnknown(_ name: String) -> String {
    let names = self.keys.map(\.name)
    let sections = Set(names.compactMap { $0.split(separator: ".").first.map(String.init) })
    if let guess = closest(name, in: names) ?? closest(name, in: sections.sorted()) {
      return "did you mean \(guess)?"
    }
    // The right word in the wrong section.
    let last = name.split(separator: ".").last.map(String.init) ?? name
    if let guess = names.first(where: { $0.split(separator: ".").last.map(String.init) == last }) {
      return "did you mean \(guess)?"
    }
    return "remove it; fednode config show lists all keys"
  }

  /// Peers of the file that `peers.static` does not have.
  private mutating func readPeersFile() {
    guard let path = self.configuration.peersFile else { return }
    let file = PeersFile(path)
    self.problems += file.problems
    self.configuration.peersFileTranslated = file.translated
    let known = Set(self.configuration.staticPeers.map(\.peerID))
    self.configuration.filePeers = file.peers.filter { !known.contains($0.peerID) }
  }

  private mutating func readTokens(_ file: String?) {
    let loaded = self.loaded(file)
    do throws(ConfigurationFailure) {
      self.configuration.apiToken = try self.configuration.apiTokenFile.map { path throws(ConfigurationFailure) in
        try TokenFile.read(path, "api.token_file", of: loaded)
      }
    } catch {
      self.problems += error.problems
    }
    do throws(ConfigurationFailure) {
      self.configuration.apiAdminToken = try self.configuration.apiAdminTokenFile.map {
        path throws(ConfigurationFailure) in
        try TokenFile.read(path, "api.admin_token_file", of: loaded)
      }
    } catch {
      self.problems += error.problems
    }
    do throws(ConfigurationFailure) {
      self.configuration.apiTLS = try CertificateFiles.read(loaded)
    } catch {
      self.problems += error.problems
    }
  }

  private func loaded(_ file: String?) -> LoadedConfiguration {
    LoadedConfiguration(self.configuration, file: file, keys: self.keys, origins: self.origins)
  }

  // MARK: Environment and flags

  private mutating func readEnvironment() {
    for (name, value) in self.input.environment.sorted(by: { $0.key < $1.key })
    where name.hasPrefix("FEDNODE_") && !value.isEmpty {
      if let key = self.keys.first(where: { $0.environmentName == name }) {
        let place = "environment \(name)"
        guard let raw = Self.raw([value], key.shape) else {
          self.report(place, key.name, "\(quoted(value)) has no = in a part", mend: "write name=value,name=value")
          continue
        }
        self.set(key, raw, .environment(name), place)
      } else if let guess = closest(name, in: self.keys.map(\.environmentName)) {
        // Others stay unremarked: orchestrators set variables such as FEDNODE_SERVICE_HOST by themselves.
        self.report("environment \(name)", nil, "unknown variable", mend: "did you mean \(guess)?")
      }
    }
  }

  private mutating func readFlags() {
    for flag in self.input.flags {
      guard let key = self.keys.first(where: { $0.name == flag.key }) else { continue }
      guard let raw = Self.raw(flag.values, key.shape) else { continue }
      self.set(key, raw, .flag(flag.flag), "flag \(flag.flag)")
    }
  }

  /// Words as the value that `shape` asks for; the last word counts where only one fits.
  private static func raw(_ words: [String], _ shape: ValueShape) -> RawValue? {
    let parts = words.flatMap { $0.split(separator: ",").map { trimmed($0) } }.filter { !$0.isEmpty }
    switch shape {
    case .single: return .text(words.last ?? "")
    case .list: return .list(parts.map { .text($0) })
    case .map:
      var entries: [String: RawValue] = [:]
      for part in parts {
        guard let equals = part.firstIndex(of: "=") else { return nil }
        entries[trimmed(part[..<equals])] = .text(trimmed(part[part.index(after: equals)...]))
      }
      return .map(entries)
    }
  }

  private mutating func set(
    _ key: ConfigurationKey, _ raw: RawValue, _ origin: ConfigurationOrigin, _ place: String
  ) {
    do throws(ValueError) {
      try key.set(raw, &self.configuration)
      self.origins[key.name] = origin
    } catch {
      // A secret must not reach the terminal through its own error.
      let message = key.isSecret ? "is not \(key.expects)" : error.message
      self.report(place, key.name, message, mend: key.isSecret ? "write \(key.expects)" : error.mend)
    }
  }

  private mutating func report(_ place: String, _ key: String?, _ message: String, mend: String) {
    self.problems.append(ConfigurationProblem(place: place, key: key, message: message, mend: mend))
  }
}

extension RawValue {
  init(_ node: YAMLNode) {
    switch node.content {
    case .scalar(let text, _): self = .text(text)
    case .sequence(let items): self = .list(items.map { RawValue($0) })
    case .mapping(let entries):
      self = .map(Dictionary(entries.map { ($0.key, RawValue($0.value)) }, uniquingKeysWith: { first, _ in first }))
    }
  }
}

/// Without spaces at both ends.
func trimmed(_ text: some StringProtocol) -> String {
  let start = text.drop { $0 == " " || $0 == "\t" }
  let end = start.lastIndex { $0 != " " && $0 != "\t" }
  return end.map { String(start[...$0]) } ?? ""
}
