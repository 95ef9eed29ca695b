internal import Jansson
internal import Logging
internal import MicroHTTP

/// `/v1/log-level`
struct LogLevelResource: Sendable {
  /// As many as `logging.overrides` may have.
  static let overridesMax = 32
  private static let subsystemLengthMax = 64
  private static let revertSeconds: ClosedRange<Int64> = 1...86_400

  let levels: LogLevelControl

  var routes: [Route] {
    [Route("GET", "/v1/log-level", self.get), Route("PUT", "/v1/log-level", body: .json, self.put)]
  }

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    request.json(self.json())
  }

  @Sendable private func put(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let body = try request.body(["level", "overrides", "revert_after_seconds"])
    guard let name = try body.string("level") else {
      throw Problem(
        .missingField, "the field level is missing; it must be one of \(Self.words)",
        members: [.init("field", "level")])
    }
    var levels = LogLevelControl.Levels(try Self.level(name, of: "level"))
    for (subsystem, name) in try body.texts("overrides", countMax: Self.overridesMax) ?? [] {
      guard (1...Self.subsystemLengthMax).contains(subsystem.unicodeScalars.count), BodyFields.isPlain(subsystem) else {
        throw BodyFields.invalid(
          "overrides",
          "has a name that has not 1 to \(Self.subsystemLengthMax) characters, none of them a control character")
      }
      levels.overrides[subsystem] = try Self.level(name, of: "overrides.\(subsystem)")
    }
    let seconds = try body.integer("revert_after_seconds", in: Self.revertSeconds)
    self.levels.set(levels, revertAfter: seconds.map { .seconds($0) })
    return request.json(self.json())
  }

  private func json() -> JSON {
    let (levels, revertsAfter) = self.levels.current
    let overrides = levels.overrides.sorted { $0.key < $1.key }
    return [
      "level": .string(levels.level.name),
      "overrides": .object(JSON.Object(overrides.map { .init($0.key, .string($0.value.name)) })),
      // Rounded up: 0 would say that it is over.
      "revert_after_seconds": JSON(revertsAfter.map { Int64(($0 / .seconds(1)).rounded(.up)) }),
    ]
  }

  private static let words = LogLevel.allCases.map(\.name).joined(separator: ", ")

  private static func level(_ name: String, of field: String) throws(Problem) -> LogLevel {
    guard let level = LogLevel(name: name) else {
      throw BodyFields.invalid(field, "is \(quoted(name)); it must be one of \(self.words)")
    }
    return level
  }
}
