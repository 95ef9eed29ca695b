import Glibc
import GnuTLS
import P2PCore
import P2PHost
import QUIC

/// Many peers, each with a key and a socket of its own, that dial one node at once; for each, whether it was let in and
/// served, or why not. Tests/Network/run --load reads the lines.
struct Load {
  /// With the node's peer id.
  let target: Multiaddr
  let count: Int
  /// After which those that were let in leave.
  let hold: Duration

  private static let dialTimeout: Duration = .seconds(30)
  private static let pingTimeout: Duration = .seconds(20)
  /// In which a refusal arrives at a peer whose own half of the handshake was done before.
  private static let settling: Duration = .seconds(2)

  func run() async throws {
    guard let node = self.target.peerID else { throw LoadError(description: "\(self.target) does not name a peer") }
    var hosts: [Host] = []
    for number in 0..<self.count { hosts.append(try await Self.makeHost(number)) }
    let begin = ContinuousClock.now
    let words = await withTaskGroup(of: String.self) { group in
      for host in hosts { group.addTask { await self.visit(node, as: host) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    for line in words { print(line) }
    print("done \((ContinuousClock.now - begin) / .seconds(1))")
    fflush(nil)
    try await Task.sleep(for: self.hold)
    for host in hosts { await host.shutdown(timeout: .seconds(1)) }
  }

  private static func makeHost(_ number: Int) async throws -> Host {
    let identity = try IdentityKey.generate(.ed25519)
    let transport = try QUICTransport(identity: identity, addresses: [], configuration: QUICConfiguration())
    let host = Host(
      configuration: HostConfiguration(
        localPeer: identity.peerID, publicKey: identity.publicKey, agentVersion: "load/\(number)"),
      transport: transport, events: EventLog(bootID: "000000000000"), clock: .system(wall: { 0 }),
      services: HostServices(resolve: { _, _ in [] }, interfaces: { [] }))
    try await host.start()
    return host
  }

  /// `served`, or `refused`, `lost` or `unreached` with why.
  private func visit(_ node: PeerID, as host: Host) async -> String {
    let dialled = await host.dial(peer: node, addresses: [self.target.withoutPeerID], timeout: Self.dialTimeout)
    do { try await Task.sleep(for: Self.settling) } catch { return "lost \(error)" }
    if let closed = await host.closedConnections(ConnectionQuery(limit: 1)).items.first?.reason {
      let code = closed.code.map { "0x\(String($0, radix: 16))" } ?? "-"
      return "\(closed.initiator == .remote ? "refused" : "lost") \(code) \(closed.detail ?? closed.reason)"
    }
    if let error = dialled.error { return "unreached \(error.class.rawValue) \(error.detail)" }
    let pings = await host.ping(node, count: 1, timeout: Self.pingTimeout)
    if let error = pings == nil ? "no connection" : pings?.first?.error { return "lost ping \(error)" }
    guard await host.peer(node)?.agentVersion != nil else { return "lost identify no answer" }
    return "served"
  }
}

struct LoadError: Error, CustomStringConvertible {
  let description: String
}
