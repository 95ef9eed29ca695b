internal import MicroHTTP
internal import P2PCore
internal import P2PHost

/// `GET /metrics`. What it costs grows with the live connections and the known peers, not with what has been.
struct MetricsResource: Sendable {
  let node: any NodeControl
  let version: String
  let hub: EventHub
  let monitor: HealthMonitor
  let requests: RequestCounter

  var routes: [Route] { [Route("GET", "/metrics", produces: [MediaType.text, MediaType.openMetrics], self.get)] }

  @Sendable private func get(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    var text = MetricsText(request.mediaType == MediaType.openMetrics ? .openMetrics : .prometheus)
    let counters = self.node.counters.snapshot()
    text.swarm(counters)
    text.host(counters, eventsPublished: self.node.events.lastNumber)
    let loops = await self.monitor.eventLoops()
    var startedAt: Int64?
    // A node whose loop is stuck does not answer; that it is stuck is to be seen nevertheless.
    if loops.status == .pass {
      let node = await self.node.node()
      startedAt = node.startedAt
      text.node(node)
      text.health(self.monitor.checks(of: node, loops: loops), eventLoopLag: self.monitor.eventLoopLag)
      text.quic(node.traffic, await self.node.transportFigures())
      var pinned = PeerQuery()
      pinned.pinned = [true]
      text.members(await self.node.peers(pinned).items)
      text.protocols(await self.node.protocols())
    } else {
      text.health([loops], eventLoopLag: self.monitor.eventLoopLag)
    }
    text.api(self.requests, self.hub)
    text.process(ProcessFigures(), version: self.version, startedAt: startedAt)
    let type = text.format.contentType
    return request.text(text.finish(), type: type)
  }
}
