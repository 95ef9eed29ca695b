internal import Jansson
internal import MicroHTTP
internal import P2PCore
internal import P2PHost

/// `/v1/blocklist` and `/v1/unknown-peers`
struct GateResource: Sendable {
  let node: any NodeControl

  var routes: [Route] {
    [
      Route("GET", "/v1/blocklist", query: Page.parameters, self.list),
      Route("PUT", "/v1/blocklist/{entry}", body: .json, self.put),
      Route("DELETE", "/v1/blocklist/{entry}", self.delete),
      Route("GET", "/v1/unknown-peers", query: Page.parameters, self.unknown),
    ]
  }

  @Sendable private func list(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let entries = await self.node.blocklist()
    return request.json(
      try Page.make(
        entries.sorted { $0.entry.description < $1.entry.description }, request, key: { $0.entry.description },
        read: { $0 }, write: { $0 }, render: { $0.json() }))
  }

  @Sendable private func put(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let entry = try Self.entry(request)
    let body = try request.body(["expires_at", "reason"])
    let reason = try body.string("reason", lengthMax: 256)
    var expiresAt: Int64?
    if let text = try body.string("expires_at") {
      guard let time = Timestamp.parse(text) else {
        throw BodyFields.invalid("expires_at", "must be a time as 2026-01-31T23:59:59Z")
      }
      guard time > Timestamp.now() else { throw BodyFields.invalid("expires_at", "must be in the future") }
      expiresAt = time
    }
    let isNew: Bool
    do throws(BookError) {
      isNew = try await self.node.block(entry, expiresAt: expiresAt, reason: reason)
    } catch {
      throw error.problem
    }
    let stored = await self.node.blocklist().first { $0.entry == entry }
    return request.json(stored?.json() ?? .null, status: isNew ? 201 : 200)
  }

  @Sendable private func delete(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    let entry = try Self.entry(request)
    let wasThere: Bool
    do throws(BookError) { wasThere = try await self.node.unblock(entry) } catch { throw error.problem }
    guard wasThere else {
      throw Problem(.entryNotFound, "\(entry) is not on the blocklist; GET /v1/blocklist lists what is")
    }
    return HTTPResponse(status: 204)
  }

  private static func entry(_ request: RequestContext) throws(Problem) -> BlockEntry {
    let text = request.path["entry"] ?? ""
    do throws(BlockEntryError) {
      return try BlockEntry(text)
    } catch {
      throw Problem(.invalidEntry, error.description)
    }
  }

  @Sendable private func unknown(_ request: RequestContext) async throws(Problem) -> HTTPResponse {
    // Who knocked last comes first.
    let peers = await self.node.unknownPeers()
    let numbered = peers.enumerated().map { (index: UInt64($0.offset), peer: $0.element) }
    return request.json(
      try Page.make(
        numbered, request, key: \.index, read: { UInt64($0) }, write: { String($0) }, render: { $0.peer.json() }))
  }
}
