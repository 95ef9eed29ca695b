import Jansson
import P2PCore
import Testing

@testable import ManagementAPI
@testable import P2PHost

@Suite struct DialTests {
  @Test("a dial that connects shows the connection and the attempts") func connects() async throws {
    let node = FakeNode { peer, _ in
      DialResult(
        connection: Sample.connection(3, peer ?? Sample.peer(9)), reused: false,
        attempts: [
          Sample.attempt(.failed, DialError(.timeout, "late", temporary: true)), Sample.attempt(.connected, nil),
        ],
        error: nil)
    }
    let api = ManagementAPI.fake(node)
    let answer = try await api.call("POST", "/v1/dial", body: "{\"address\":\"\(Sample.addressText)\",\"wait\":true}")
    #expect(answer.status == 200)
    let json = try answer.json
    #expect(json["connection"]?["id"] == "c-3")
    #expect(json["reused"] == false)
    #expect(
      json["attempts"]?.elements.first == [
        "address": .string(Sample.addressText), "resolved_from": nil, "started_at": .string(Sample.timeText),
        "ended_at": "2026-01-31T23:59:59.128Z", "outcome": "failed",
        "error": ["class": "timeout", "detail": "late", "temporary": true],
      ])
  }

  @Test("what is asked for reaches the node") func passesOn() async throws {
    let node = FakeNode()
    let api = ManagementAPI.fake(node)
    let id = Sample.peerText
    for body in [
      "{\"address\":\"\(Sample.addressText)/p2p/\(id)\",\"timeout_ms\":1500}", "{\"peer_id\":\"\(id)\"}",
      "{\"peer_id\":\"\(id)\",\"addresses\":[\"\(Sample.addressText)\",\"\(Sample.addressText)/p2p/\(id)\"]}",
    ] {
      _ = try await api.call("POST", "/v1/dial", body: body)
    }
    #expect(
      node.calls == [
        "dial \(id) [\(Sample.addressText)/p2p/\(id)] 1.5 seconds", "dial \(id) [] -",
        "dial \(id) [\(Sample.addressText), \(Sample.addressText)/p2p/\(id)] -",
      ])
  }

  @Test("a peer of which no address is known is no wrong request") func addressless() async throws {
    let node = FakeNode { _, _ in
      DialResult(
        connection: nil, reused: false, attempts: [],
        error: DialError(.invalidAddress, "there is no address to dial", temporary: false))
    }
    node.state.withLock { $0.peers = [Sample.peerInfo(Sample.peer(1))] }
    let api = ManagementAPI.fake(node)
    let id = "\(Sample.peer(1))"
    let answer = try await api.call("POST", "/v1/peers/\(id)/connect")
    #expect(answer.status == 409)
    #expect(answer.code == "no_address")
    #expect(try await api.call("POST", "/v1/dial", body: "{\"peer_id\":\"\(id)\"}").code == "no_address")
    let body = "{\"peer_id\":\"\(id)\",\"addresses\":[\"\(Sample.addressText)\"]}"
    #expect(try await api.call("POST", "/v1/dial", body: body).code == "invalid_multiaddr")
  }

  private static let refusals: [(String, String?)] = [
    ("{}", "missing_field"), ("{\"addresses\":[]}", "missing_field"),
    ("{\"address\":\"x\"}", "invalid_multiaddr"), ("{\"address\":\"/ip4/1.2.3.4/tcp/1\"}", nil),
    ("{\"peer_id\":\"x\"}", "invalid_peer_id"),
    ("{\"address\":\"/ip4/1.2.3.4/udp/1/quic-v1\",\"peer_id\":\"\(Sample.peerText)\"}", "invalid_field"),
    ("{\"address\":\"/ip4/1.2.3.4/udp/1/quic-v1\",\"addresses\":[]}", "invalid_field"),
    ("{\"address\":\"/ip4/1.2.3.4/udp/1/quic-v1\",\"wait\":\"no\"}", "invalid_field"),
    ("{\"address\":\"/ip4/1.2.3.4/udp/1/quic-v1\",\"timeout_ms\":0}", "invalid_field"),
    ("{\"address\":\"/ip4/1.2.3.4/udp/1/quic-v1\",\"timeout_ms\":\"1s\"}", "invalid_field"),
    ("{\"peer_id\":\"\(Sample.peerText)\",\"addresses\":\"x\"}", "invalid_field"),
    ("{\"peer_id\":\"\(Sample.peerText)\",\"addresses\":[1]}", "invalid_field"),
    (
      "{\"peer_id\":\"\(Sample.peerText)\",\"addresses\":[\"/ip4/1.2.3.4/udp/1/quic-v1/p2p/\(Sample.peer(1))\"]}",
      "invalid_field"
    ),
  ]

  @Test("a body that does not say whom to dial is refused", arguments: DialTests.refusals)
  func refused(body: String, code: String?) async throws {
    let node = FakeNode { _, _ in
      DialResult(
        connection: nil, reused: false, attempts: [],
        error: DialError(.unsupportedTransport, "it is TCP", temporary: false))
    }
    let answer = try await ManagementAPI.fake(node).call("POST", "/v1/dial", body: body)
    #expect(answer.status == 400)
    #expect(answer.code == code ?? "unsupported_transport")
  }

  @Test("every class of failure has its status and lists the attempts", arguments: DialErrorClass.allCases)
  func failures(class: DialErrorClass) async throws {
    let error = DialError(`class`, "because", temporary: true)
    let node = FakeNode { _, _ in
      DialResult(connection: nil, reused: false, attempts: [Sample.attempt(.failed, error)], error: error)
    }
    let answer = try await ManagementAPI.fake(node).call(
      "POST", "/v1/dial", body: "{\"peer_id\":\"\(Sample.peerText)\"}")
    let status =
      switch `class` {
      case .invalidAddress, .unsupportedTransport: 400
      case .blocked: 403
      case .selfDial: 409
      case .limitExceeded: 429
      case .shuttingDown: 503
      case .timeout: 504
      default: 502
      }
    #expect(answer.status == status)
    let json = try answer.json
    #expect(json["detail"] == "because")
    #expect(json["error"]?["class"] == .string(`class`.rawValue))
    #expect(json["attempts"]?.count == 1)
  }
}
