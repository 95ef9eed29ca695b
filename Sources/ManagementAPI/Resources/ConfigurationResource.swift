internal import Jansson
internal import MicroHTTP

/// `/v1/config`
struct ConfigurationResource: Sendable {
  let control: any ConfigurationControl

  var routes: [Route] {
    [Route("GET", "/v1/config", self.get), Route("POST", "/v1/config/reload", self.reload)]
  }

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    request.json(await self.control.configuration().json())
  }
}

extension ConfigurationResource {
  @Sendable private func reload(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    switch await self.control.reload() {
    case .applied(let changed, let restartRequired):
      return request.json(["changed": JSON(changed), "restart_required": JSON(restartRequired)])
    case .refused(let mistakes):
      throw Problem(
        .invalidConfiguration,
        "\(mistakes.count == 1 ? "one thing is" : "\(mistakes.count) things are") wrong with the configuration, see "
          + "errors; what was in force still is",
        members: [.init("errors", .array(mistakes.map { $0.json() }))])
    }
  }
}

extension ConfigurationMistake {
  func json() -> JSON {
    [
      "place": .string(self.place), "key": JSON(self.key), "message": .string(self.message),
      "mend": .string(self.mend),
    ]
  }
}

extension ConfigurationReport {
  func json() -> JSON {
    [
      "file": JSON(self.file),
      "restart_required": JSON(self.restartRequired),
      "values": .object(JSON.Object(self.settings.map { .init($0.name, $0.json()) })),
    ]
  }
}

extension ConfigurationSetting {
  func json() -> JSON {
    ["value": self.value, "source": .string(self.source.rawValue), "place": JSON(self.place)]
  }
}
