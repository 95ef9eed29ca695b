import P2PCore
import Testing

@testable import Federation
@testable import HostTestKit
@testable import P2PHost

/// A host on a memory transport that speaks the protocol.
struct Member: Sendable {
  let node: Node
  let federation: Federation

  var host: Host { self.node.host }
  var peer: PeerID { self.node.peer }

  static func peer(_ number: UInt8) -> PeerID { Node.transport(number, MemoryNetwork()).peer }

  static func offer(
    _ versions: [SemanticVersion] = [SemanticVersion(major: 1, minor: 0, patch: 0)], network: String = "regtest",
    capabilities: [String] = [], frameLimit: Int = FederationProtocol.frameLimitDefault
  ) throws -> Offer {
    try Offer(
      spoken: VersionedProtocol(name: FederationProtocol.name, versions: versions), network: network,
      agent: "member/1", capabilities: capabilities, frameLimit: frameLimit)
  }

  /// - Parameters:
  ///   - pinned: numbers of the members that it keeps connected.
  ///   - known: of those that are in its address book only.
  ///   - skew: its clock minus the others', milliseconds.
  static func started(
    _ number: UInt8, _ network: MemoryNetwork, clock: TestClock? = nil, pinned: [UInt8] = [], known: [UInt8] = [],
    skew: Int64 = 0, offer: Offer? = nil
  ) async throws -> Member {
    let node = Node(number, network, clock: clock, configure: { $0.countsAgreements = true })
    func entry(_ number: UInt8, pinned: Bool) -> BookEntry {
      BookEntry(
        peerID: Self.peer(number), name: "m\(number)", pinned: pinned, addresses: [Node.address(number)], source: .api)
    }
    await node.host.load(
      pinned.map { entry($0, pinned: true) } + known.map { entry($0, pinned: false) }, blocks: [])
    var times = clock?.hostClock ?? node.host.clock
    let wall = times.wall
    times.wall = { wall() + skew }
    let federation = Federation(host: node.host, offer: try offer ?? Self.offer(), clock: times)
    try await federation.start()
    try await node.host.start()
    return Member(node: node, federation: federation)
  }

  func agreement(with other: Member) async -> PeerAgreement? { await self.host.peer(other.peer)?.agreement }
  func failure(with other: Member) async -> PeerAgreementFailure? {
    await self.host.peer(other.peer)?.agreementFailure
  }

  func events(_ type: String) -> [NodeEvent] { self.node.recorder.all.filter { $0.type == type } }

  static func haveAgreed(_ one: Member, _ other: Member) async -> Bool {
    let (there, back) = await (one.agreement(with: other), other.agreement(with: one))
    return there != nil && back != nil
  }

  /// Waits until both have agreed with each other.
  static func agree(_ one: Member, _ other: Member) async throws -> Bool {
    try await eventually { await self.haveAgreed(one, other) }
  }
}
