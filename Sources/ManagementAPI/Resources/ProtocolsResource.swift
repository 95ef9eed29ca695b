internal import Jansson
internal import MicroHTTP
internal import P2PCore
internal import P2PHost

/// `GET /v1/protocols`
struct ProtocolsResource: Sendable {
  let node: any NodeControl

  var routes: [Route] { [Route("GET", "/v1/protocols", query: Page.parameters, self.list)] }

  @Sendable private func list(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    request.json(
      try Page.make(
        await self.node.protocols(), request, key: \.number, read: { UInt64($0) }, write: { String($0) },
        render: { $0.json() }))
  }
}

extension ProtocolInfo {
  func json() -> JSON {
    [
      "ids": JSON(self.ids),
      "versions": self.versions.map { JSON($0) } ?? .null,
      "state": .string(self.isWithdrawn ? "withdrawn" : "registered"),
      "delays_shutdown": .bool(self.delaysShutdown),
      "limits": [
        "streams": JSON(self.limits.streams),
        "streams_per_peer": JSON(self.limits.streamsPerPeer),
        "streams_per_second": JSON(self.limits.streamsPerSecond),
        "streams_per_second_per_peer": JSON(self.limits.streamsPerSecondPerPeer),
        "first_byte_ms": JSON(wholeMilliseconds: self.limits.firstByteTime),
        "lifetime_ms": JSON(wholeMilliseconds: self.limits.lifetime),
      ],
      "streams": [
        "open": JSON(self.open),
        "opened": JSON(self.opened),
        "refused": Self.counts(StreamRefusalReason.allCases.map(\.rawValue), self.refused),
        "reset": Self.counts(StreamCode.names, self.resets),
      ],
    ]
  }

  /// Every word has its member: there, nothing counted is a true zero.
  private static func counts(_ names: [String], _ counts: [UInt64]) -> JSON {
    .object(JSON.Object(zip(names, counts).map { .init($0, JSON($1)) }))
  }
}
