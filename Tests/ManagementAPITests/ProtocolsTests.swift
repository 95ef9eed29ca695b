import Jansson
import P2PCore
import Testing

@testable import ManagementAPI
@testable import P2PHost

@Suite struct ProtocolsTests {
  private let node = FakeNode()
  private var api: ManagementAPI { .fake(self.node) }

  private static var echo: ProtocolInfo {
    var info = ProtocolInfo(
      number: 7, ids: ["a/echo/v1.1.0", "a/echo/v1.0.0"], versions: ["1.1.0", "1.0.0"],
      limits: ProtocolLimits(
        streams: 100, streamsPerPeer: 4, streamsPerSecond: 50, streamsPerSecondPerPeer: 10,
        firstByteTime: .milliseconds(2_500), lifetime: .seconds(60)), open: 2, opened: 9)
    info.refused = [1, 2, 3, 4]
    info.resets[StreamCode.index(of: StreamCode.rateLimited)] = 5
    info.resets[StreamCode.index(of: 99)] = 6
    return info
  }

  @Test("a protocol is listed with its limits and what its streams did") func list() async throws {
    self.node.state.withLock {
      $0.protocols = [
        ProtocolInfo(number: 1, ids: ["/ping"], versions: nil, isWithdrawn: true, delaysShutdown: false), Self.echo,
      ]
    }
    let page = try await self.api.call("GET", "/v1/protocols").json
    #expect(page["total"] == 2)
    #expect(page["next_cursor"] == .null)
    let ping = page["items"]?.elements[0]
    #expect(ping?["ids"] == ["/ping"])
    #expect(ping?["versions"] == .null)
    #expect(ping?["state"] == "withdrawn")
    #expect(ping?["delays_shutdown"] == false)
    #expect(ping?["limits"]?["streams"] == .null && ping?["limits"]?["lifetime_ms"] == .null)
    let echo = page["items"]?.elements[1]
    #expect(echo?["versions"] == ["1.1.0", "1.0.0"])
    #expect(echo?["state"] == "registered")
    #expect(
      echo?["limits"] == [
        "streams": 100, "streams_per_peer": 4, "streams_per_second": 50, "streams_per_second_per_peer": 10,
        "first_byte_ms": 2_500, "lifetime_ms": 60_000,
      ])
    #expect(echo?["streams"]?["open"] == 2)
    #expect(echo?["streams"]?["opened"] == 9)
    #expect(
      echo?["streams"]?["refused"] == [
        "streams": 1, "streams_per_peer": 2, "streams_per_second": 3, "streams_per_second_per_peer": 4,
      ])
    #expect(echo?["streams"]?["reset"]?["rate_limited"] == 5)
    #expect(echo?["streams"]?["reset"]?["other"] == 6)
    #expect(echo?["streams"]?["reset"]?["none"] == 0)
  }

  @Test("protocols come in pages") func pages() async throws {
    self.node.state.withLock { state in
      state.protocols = (1...5).map { ProtocolInfo(number: $0, ids: ["/p/\($0)"], versions: nil) }
    }
    var ids: [String] = []
    var target = "/v1/protocols?limit=2"
    for _ in 0..<3 {
      let page = try await self.api.call("GET", target).json
      for item in page["items"]?.elements ?? [] {
        if case .string(let id)? = item["ids"]?.elements.first { ids.append(id) }
      }
      guard case .string(let cursor)? = page["next_cursor"] else { break }
      target = "/v1/protocols?limit=2&cursor=\(cursor)"
    }
    #expect(ids == (1...5).map { "/p/\($0)" })
    #expect(try await self.api.call("GET", "/v1/protocols?cursor=x").code == "invalid_cursor")
    #expect(try await self.api.call("GET", "/v1/protocols?name=x").status == 400)
  }

  @Test("metrics have one series per handler, also while an earlier one of the same id still has streams")
  func metrics() async throws {
    var withdrawn = Self.echo
    withdrawn.number = 3
    withdrawn.isWithdrawn = true
    let before = withdrawn
    self.node.state.withLock { $0.protocols = [before, Self.echo] }
    let text = try await self.api.call("GET", "/metrics").text
    let name = "protocol=\"a/echo/v1.1.0\""
    for line in [
      "fednode_protocol_streams{\(name)} 4", "fednode_protocol_streams_opened_total{\(name)} 18",
      "fednode_protocol_streams_refused_total{\(name),reason=\"streams_per_second\"} 6",
      "fednode_protocol_resets_total{\(name),code=\"rate_limited\"} 10",
      "fednode_protocol_resets_total{\(name),code=\"other\"} 12",
      "fednode_protocol_resets_total{\(name),code=\"none\"} 0",
    ] {
      #expect(text.split(separator: "\n").filter { $0 == line }.count == 1, "\(line)")
    }
  }
}
