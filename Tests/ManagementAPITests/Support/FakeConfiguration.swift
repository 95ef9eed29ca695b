import Synchronization

@testable import ManagementAPI

/// A configuration that a test writes.
final class FakeConfiguration: ConfigurationControl {
  private let outcome: OnReload

  init(_ outcome: OnReload = .applied(changed: [], restartRequired: [])) { self.outcome = outcome }

  func reload() async -> OnReload { self.outcome }

  func configuration() async -> ConfigurationReport {
    ConfigurationReport(
      file: "/etc/fednode.yaml",
      settings: [
        ConfigurationSetting(name: "node.private_key", value: "[secret]", source: .environment, place: "FEDNODE_X"),
        ConfigurationSetting(name: "limits.connections", value: 7, source: .file, place: "/etc/fednode.yaml:3"),
        ConfigurationSetting(name: "api.hosts", value: [], source: .default, place: nil),
      ])
  }
}
