internal import Jansson
internal import MicroHTTP

/// `GET /v1/config`
struct ConfigurationResource: Sendable {
  let control: any ConfigurationControl

  var routes: [Route] { [Route("GET", "/v1/config", self.get)] }

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    request.json(await self.control.configuration().json())
  }
}

extension ConfigurationReport {
  func json() -> JSON {
    [
      "file": JSON(self.file),
      "values": .object(JSON.Object(self.settings.map { .init($0.name, $0.json()) })),
    ]
  }
}

extension ConfigurationSetting {
  func json() -> JSON {
    ["value": self.value, "source": .string(self.source.rawValue), "place": JSON(self.place)]
  }
}
