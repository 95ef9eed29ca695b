internal import Jansson
internal import MicroHTTP

/// `/v1/health` and what is below it, `/livez`, `/readyz`
struct HealthResource: Sendable {
  let monitor: HealthMonitor
  let recorder: HealthRecorder

  var routes: [Route] {
    [
      Route("GET", "/v1/health", self.health),
      Route("GET", "/v1/health/history", self.history),
      Route("GET", "/livez", produces: [MediaType.text, MediaType.json], isOpen: true, self.live),
      Route(
        "GET", "/readyz", query: ["verbose", "exclude"], produces: [MediaType.text, MediaType.json], isOpen: true,
        self.ready),
    ]
  }

  @Sendable private func health(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let checks = await self.monitor.checks()
    return request.json(Self.document(checks))
  }

  @Sendable private func history(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    request.json([
      "minutes": .array(
        self.recorder.minutes.map { minute in
          [
            "at": JSON(time: minute.start), "status": .string(minute.worst.status.word),
            "pinned": JSON(minute.worst.pinned.total), "pinned_connected": JSON(minute.worst.pinned.connected),
            "pinned_agreed": JSON(minute.worst.pinned.agreed), "connected": JSON(minute.worst.connected),
          ]
        })
    ])
  }

  @Sendable private func live(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let check = await self.monitor.eventLoops()
    return self.answer(request, [check], name: "livez", verbose: false)
  }

  @Sendable private func ready(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let verbose = try request.flag("verbose")
    let excluded = try request.choices("exclude", HealthCheck.Name.self)
    let checks = await self.monitor.checks().filter { !excluded.contains($0.name) }
    return self.answer(request, checks, name: "readyz", verbose: verbose)
  }

  /// 503 when a check fails; a warning is no reason to take a node out of service.
  private func answer(
    _ request: RequestContext, _ checks: [HealthCheck], name: String, verbose: Bool
  ) -> HTTPResponse {
    let failed = checks.contains { $0.status == .fail }
    let status = failed ? 503 : 200
    if request.mediaType == MediaType.json { return request.json(Self.document(checks), status: status) }
    guard verbose || failed else { return request.text(Array("ok\n".utf8)) }
    var text = ""
    for check in checks {
      text += check.status == .fail ? "[-]\(check.name.rawValue) failed" : "[+]\(check.name.rawValue) ok"
      text += check.detail.map { ": \($0)\n" } ?? "\n"
    }
    text += "\(name) check \(failed ? "failed" : "passed")\n"
    return request.text(Array(text.utf8), status: status)
  }

  private static func document(_ checks: [HealthCheck]) -> JSON {
    [
      "status": .string((checks.map(\.status).max() ?? .pass).word),
      "checks": .array(
        checks.map { check in
          [
            "name": .string(check.name.rawValue), "status": .string(check.status.word), "detail": JSON(check.detail),
            "since": JSON(time: check.since),
          ]
        }),
    ]
  }
}
