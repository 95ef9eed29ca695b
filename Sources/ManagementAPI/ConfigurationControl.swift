package import Jansson

/// What the API needs of the program around the node: its configuration.
package protocol ConfigurationControl: Sendable {
  /// What is in force.
  func configuration() async -> ConfigurationReport
}

/// The configuration in force.
package struct ConfigurationReport: Sendable {
  /// The file that was read.
  package var file: String?
  /// Every key, in the order of the documentation.
  package var settings: [ConfigurationSetting]

  package init(file: String?, settings: [ConfigurationSetting]) {
    self.file = file
    self.settings = settings
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
