import Jansson
import P2PCore
import P2PHost
import Synchronization
import Testing

@testable import ManagementAPI

/// A transport that reaches nobody.
private final class DeadTransport: Transport {
  let streamExecutor: (any TaskExecutor)? = nil
  let listenAddresses = [Sample.address()]
  let listeners = [ListenerStatus(address: Sample.address(), error: nil)]

  func start(
    admits: @escaping @Sendable (_ ip: [UInt8]) -> String?, events: @escaping @Sendable (TransportEvent) -> Void
  ) async throws {}

  func dial(
    _ address: Multiaddr, expecting peer: PeerID?, timeout: Duration
  ) async throws(DialError) -> any Connection {
    throw DialError(.refused, "nobody listens there", temporary: true)
  }

  func statistics(of connections: [any Connection]) async -> [ConnectionStatistics?] { connections.map { _ in nil } }

  func stopAccepting() async {}
  func shutdown(code: UInt64, timeout: Duration) async {}
}

@Suite struct HostTests {
  private func host() -> Host {
    Host(
      configuration: HostConfiguration(
        localPeer: Sample.peer(0), publicKey: PublicKey(type: .ed25519, data: [UInt8](repeating: 1, count: 32)),
        agentVersion: "fednode/test"),
      transport: DeadTransport(), events: EventLog(bootID: "0123456789ab"),
      clock: .system(wall: { Timestamp.now() }), services: HostServices(resolve: { _, _ in [] }, interfaces: { [] }))
  }

  @Test("a real host is shown, dials and tells only events that the specification has") func real() async throws {
    let host = self.host()
    let types = Mutex<Set<String>>([])
    _ = host.events.subscribe { event in types.withLock { _ = $0.insert(event.type) } }
    try await host.start()
    let api = ManagementAPI(APIConfiguration(port: 0, version: "1"), node: host) { true }

    let node = try await api.call("GET", "/v1/node").json
    #expect(node["peer_id"] == .string("\(host.localPeer)"))
    #expect(node["listen_addresses"] == [.string(Sample.addressText)])

    let failed = try await api.call("POST", "/v1/dial", body: "{\"address\":\"\(Sample.addressText)\"}")
    #expect(failed.status == 502)
    #expect(failed.code == "dial_failed")
    #expect(try failed.json["attempts"]?.elements.first?["error"]?["class"] == "refused")
    let own = try await api.call("POST", "/v1/dial", body: "{\"peer_id\":\"\(host.localPeer)\"}")
    #expect(own.status == 409)
    let named = try await api.call(
      "POST", "/v1/dial", body: "{\"peer_id\":\"\(Sample.peerText)\",\"addresses\":[\"\(Sample.addressText)\"]}")
    #expect(named.status == 502)
    #expect(try await api.call("GET", "/v1/peers/\(Sample.peerText)").json["addresses"]?.count == 1)
    #expect(try await api.call("POST", "/v1/peers/\(Sample.peerText)/ping").code == "peer_not_connected")
    #expect(try await api.call("POST", "/v1/dial", body: "{\"address\":\"/ip4/192.0.2.7/tcp/1\"}").status == 400)

    let metrics = try await api.call("GET", "/metrics").text
    let refused = "libp2p_swarm_dial_errors_total{transport=\"quic-v1\",error=\"refused\",ip_version=\"ip4\"} 2\n"
    #expect(metrics.contains(refused))
    let told = types.withLock { $0 }
    #expect(told.isSuperset(of: ["node.started", "listener.added", "dial.started", "dial.attempt", "dial.ended"]))
    #expect(told.isSubset(of: EventHub.types))
  }
}
