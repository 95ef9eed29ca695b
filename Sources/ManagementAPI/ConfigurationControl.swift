package import Jansson

/// What the API needs of the program around the node: its configuration.
package protocol ConfigurationControl: Sendable {
  /// What is in force.
  func configuration() async -> ConfigurationReport
  /// Reads it again and takes over what can change while the node runs, all of it or nothing.
  func reload() async -> OnReload
}

/// What became of a reload.
package enum OnReload: Sendable {
  /// Keys whose values are new, and keys that keep their values until the next start.
  case applied(changed: [String], restartRequired: [String])
  /// All that is wrong; what was in force still is.
  case refused([ConfigurationMistake])
}

/// Something wrong with a configuration.
package struct ConfigurationMistake: Sendable {
  /// `fednode.yaml:3`
  package var place: String
  package var key: String?
  package var message: String
  /// What to do about it.
  package var mend: String

  package init(place: String, key: String?, message: String, mend: String) {
    self.place = place
    self.key = key
    self.message = message
    self.mend = mend
  }
}

/// The configuration in force.
package struct ConfigurationReport: Sendable {
  /// The file that was read.
  package var file: String?
  /// Every key, in the order of the documentation.
  package var settings: [ConfigurationSetting]
  /// Keys that the last reload found changed and that keep their values until the next start.
  package var restartRequired: [String]

  package init(file: String?, settings: [ConfigurationSetting], restartRequired: [String] = []) {
    self.file = file
    self.settings = settings
    self.restartRequired = restartRequired
  }
}

/// One key of the configuration.
package struct ConfigurationSetting: Sendable {
  package enum Source: String, Sendable, CaseIterable {
    case `default`, file, environment, flag
  }

  /// `api.address`
  package var name: String
  /// As the file has it; a secret is not shown.
  package var value: JSON
  package var source: Source
  /// `fednode.yaml:3`, `FEDNODE_API_ADDRESS`, `--api`; nil for a default.
  package var place: String?

  package init(name: String, value: JSON, source: Source, place: String?) {
    self.name = name
    self.value = value
    self.source = source
    self.place = place
  }
}
