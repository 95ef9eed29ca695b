internal import Jansson
internal import ManagementAPI

/// The configuration of the node that runs.
actor RunningConfiguration: ConfigurationControl {
  private let loaded: LoadedConfiguration

  init(_ loaded: LoadedConfiguration) { self.loaded = loaded }

  func configuration() -> ConfigurationReport {
    ConfigurationReport(
      file: self.loaded.file,
      settings: self.loaded.keys.map { key in
        let origin = self.loaded.origin(of: key.name)
        return ConfigurationSetting(
          name: key.name, value: JSON(self.loaded.shown(key)), source: origin.source, place: origin.place)
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
