internal import Jansson
internal import Logging
internal import ManagementAPI
internal import P2PHost

/// The configuration of the node that runs, which may be read anew (`SIGHUP`, `POST /v1/config/reload`).
actor RunningConfiguration: ConfigurationControl {
  /// Makes `new` take effect; `changed` names the keys whose values differ from before.
  typealias Apply = @Sendable (_ new: Configuration, _ changed: Set<String>) async -> Void

  /// Keys whose values can change while the node runs.
  static let reloadable: Set<String> = [
    "peers.static", "peers.file", "limits.api_requests_per_second", "api.token_file", "api.admin_token_file",
    "api.insecure", "api.hosts", "api.origins", "api.metrics_public", "logging.level", "logging.format",
    "logging.overrides",
  ]

  private let input: ConfigurationInput
  private let events: EventLog
  private let log = Logger(subsystem: "configuration")
  /// In force.
  private var loaded: LoadedConfiguration
  private var restartRequired: [String] = []
  private var apply: Apply?
  private var last: Task<OnReload, Never>?

  /// - Parameter input: what `loaded` was made from.
  init(_ loaded: LoadedConfiguration, input: ConfigurationInput, events: EventLog) {
    self.loaded = loaded
    self.input = input
    self.events = events
  }

  /// Reloads take effect through `apply` from now on.
  func serve(_ apply: @escaping Apply) { self.apply = apply }

  func configuration() -> ConfigurationReport {
    ConfigurationReport(
      file: self.loaded.file,
      settings: self.loaded.keys.map { key in
        let origin = self.loaded.origin(of: key.name)
        return ConfigurationSetting(
          name: key.name, value: JSON(self.loaded.shown(key)), source: origin.source, place: origin.place)
      }, restartRequired: self.restartRequired)
  }

  /// After the reloads that were asked for before.
  func reload() async -> OnReload {
    let before = self.last
    let mine = Task {
      _ = await before?.value
      return await self.reloadNow()
    }
    self.last = mine
    return await mine.value
  }

  private func reloadNow() async -> OnReload {
    let new: LoadedConfiguration
    let changed: [String]
    let restartRequired: [String]
    do throws(ConfigurationFailure) {
      let read = try ConfigurationLoader.load(self.input)
      let differences = read.differences(from: self.loaded)
      changed = differences.filter { Self.reloadable.contains($0) }
      restartRequired = differences.filter { !Self.reloadable.contains($0) }
      new = read.keeping(restartRequired, of: self.loaded)
      try Self.check(new, restartRequired)
    } catch {
      for problem in error.problems {
        self.log.error("the configuration was not reloaded", [("problem", problem.description)])
      }
      return .refused(error.problems.map { .init(place: $0.place, key: $0.key, message: $0.message, mend: $0.mend) })
    }
    await self.apply?(new.configuration, Set(changed))
    self.loaded = new
    self.restartRequired = restartRequired
    self.events.publish(
      "config.reloaded", time: Node.wallMilliseconds(),
      fields: [("changed", EventValue(changed)), ("restart_required", EventValue(restartRequired))])
    let fields = [
      ("changed", changed.joined(separator: ",")), ("restart_required", restartRequired.joined(separator: ",")),
    ]
    self.log.log(restartRequired.isEmpty ? .notice : .warning, "the configuration was reloaded", fields)
    return .applied(changed: changed, restartRequired: restartRequired)
  }

  /// Each of two configurations may be good and what is half of both not: one that listens on loopback may do without
  /// a token, but not before the node does listen there.
  private static func check(_ mixed: LoadedConfiguration, _ kept: [String]) throws(ConfigurationFailure) {
    let problems = ConfigurationCheck.problems(mixed, fileIsOpenToOthers: false)
    guard !problems.isEmpty else { return }
    throw ConfigurationFailure(
      problems: problems.map { problem in
        ConfigurationProblem(
          place: problem.place, key: problem.key, message: problem.message,
          mend: "restart the node, until when \(kept.joined(separator: ", ")) cannot change, or \(problem.mend)")
      })
  }
}

extension ConfigurationOrigin {
  var source: ConfigurationSetting.Source {
    switch self {
    case .standard: .default
    case .file: .file
    case .environment: .environment
    case .flag: .flag
    }
  }

  var place: String? {
    switch self {
    case .standard: nil
    case .file(let path, let line): "\(path):\(line)"
    case .environment(let name), .flag(let name): name
    }
  }
}

extension JSON {
  init(_ value: RawValue) {
    switch value {
    case .text(let text): self = .string(text)
    case .literal("null"): self = .null
    case .literal("true"): self = .bool(true)
    case .literal("false"): self = .bool(false)
    case .literal(let text): self = Int64(text).map(JSON.integer) ?? .string(text)
    case .list(let items): self = .array(items.map { JSON($0) })
    case .map(let entries):
      self = .object(Object(entries.sorted { $0.key < $1.key }.map { .init($0.key, JSON($0.value)) }))
    }
  }
}
