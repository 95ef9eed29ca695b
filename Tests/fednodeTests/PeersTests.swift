import GnuTLS
import P2PCore
import P2PHost
import Testing

@testable import fednode

@Suite struct PeersFileTests {
  private let directory: TemporaryDirectory

  init() throws { self.directory = try TemporaryDirectory() }

  private func read(_ text: String) throws -> PeersFile {
    PeersFile(try self.directory.write("peers.yaml", text))
  }

  /// An Ed25519 key as the Go node writes it.
  private static func key(_ number: UInt8) -> String { base64Encode([UInt8](repeating: number, count: 32)) }
  private static func peer(_ number: UInt8) -> PeerID {
    PeerID(publicKey: PublicKey(type: .ed25519, data: [UInt8](repeating: number, count: 32)))
  }

  @Test("The Go node's list is read, its TCP ports as QUIC")
  func goNode() throws {
    let file = try self.read(
      """
      # written by btc-federation
      peers:
        - public_key: "\(Self.key(1))"
          addresses:
            - "/ip4/192.0.2.1/tcp/9000"
            - "/dns4/fed-01.example.org/tcp/9000"
        - public_key: \(Self.key(2))
          addresses: ["/ip6/2001:db8::2/tcp/9001"]
        - public_key: \(Self.key(1))
          addresses: ["/ip4/192.0.2.99/tcp/9000"]
      """)
    #expect(file.problems.isEmpty)
    #expect(file.translated == 4)
    #expect(file.peers.map(\.peerID) == [Self.peer(1), Self.peer(2)])
    #expect(
      file.peers.map { $0.addresses.map(\.description) } == [
        ["/ip4/192.0.2.1/udp/9000/quic-v1", "/dns4/fed-01.example.org/udp/9000/quic-v1"],
        ["/ip6/2001:db8::2/udp/9001/quic-v1"],
      ])
    #expect(file.peers.allSatisfy { $0.pinned && $0.source == .config })
  }

  @Test("Our own form is read: names, peer ids, QUIC addresses")
  func ownForm() throws {
    let file = try self.read(
      """
      peers:
        - {name: fed-01, peer_id: \(Self.peer(1)), addresses: [/ip4/192.0.2.1/udp/9000/quic-v1/p2p/\(Self.peer(1))]}
        - {peer_id: \(Self.peer(2))}
      """)
    #expect(file.problems.isEmpty)
    #expect(file.translated == 0)
    #expect(file.peers.map(\.name) == ["fed-01", nil])
    #expect(file.peers[0].addresses.map(\.description) == ["/ip4/192.0.2.1/udp/9000/quic-v1"])
    #expect(file.peers[1].addresses.isEmpty)
  }

  @Test("Each broken entry is told with its line and a mend, and the others are read")
  func brokenEntries() throws {
    let file = try self.read(
      """
      peers:
        - public_key: short
          addresses: []
        - public_key: \(Self.key(1))
          addresses: [/ip4/192.0.2.1/tcp/99999]
        - just words
        - addresses: []
        - {public_key: \(Self.key(2)), peer_id: \(Self.peer(2))}
        - {public_key: \(Self.key(3)), weight: 5}
        - {public_key: \(Self.key(4)), addresses: [/ip4/192.0.2.1/udp/1/quic-v1/p2p/\(Self.peer(5))]}
        - {peer_id: QmNothing}
        - {public_key: \(base64Encode([8, 1, 18, 2, 1, 2]))}
        - public_key: \(Self.key(9))
      """)
    let prefix = self.directory.path + "/peers.yaml:"
    #expect(file.problems.map(\.place) == [2, 4, 6, 7, 8, 9, 10, 11, 12].map { "\(prefix)\($0)" })
    #expect(file.problems.allSatisfy { $0.key == "peers.file" && !$0.message.isEmpty && !$0.mend.isEmpty })
    #expect(file.problems[3].message == "does not say who the peer is")
    #expect(file.problems[5].mend == "known are name, public_key, peer_id, addresses")
    #expect(file.problems[6].message.contains("an address of another peer"))
    #expect(file.peers.map(\.peerID) == [Self.peer(9)])
  }

  @Test(
    "What is no list of peers is told",
    arguments: [
      ("text", 1), ("[]", 1), ("\nnodes: []", 2), ("peers: []\nmore: 1", 1), ("peers: {}", 1), ("peers:", 1),
      ("peers:\n - [", 3), ("peers: []\npeers: []", 2),
    ])
  func noList(text: String, line: Int) throws {
    let file = try self.read(text)
    #expect(file.peers.isEmpty)
    #expect(!file.problems.isEmpty)
    #expect(file.problems.contains { $0.place.hasSuffix("peers.yaml:\(line)") }, "\(file.problems)")
  }

  @Test("An empty file has no peers, and an empty list neither", arguments: ["", "# nothing yet\n", "peers: []"])
  func empty(text: String) throws {
    let file = try self.read(text)
    #expect(file.peers.isEmpty)
    #expect(file.problems.isEmpty)
  }

  @Test("More peers than a federation can have are refused")
  func tooMany() throws {
    let entries = [String](repeating: "- {}\n", count: PeersFile.peersMax + 1).joined()
    let file = try self.read("peers:\n" + entries)
    #expect(file.problems.count == 1)
    #expect(file.problems.first?.message == "has 4097 peers")
  }

  @Test("A file that is not there, or is none, is told with its path")
  func missing() throws {
    for path in [self.directory.path + "/none.yaml", self.directory.path] {
      let problem = try #require(PeersFile(path).problems.first)
      #expect(problem.place == path)
      #expect(problem.message.contains("cannot "))
      #expect(problem.mend.contains("remove peers.file"))
    }
  }
}

@Suite struct PeerEntryTests {
  private static let peer = PeerID(publicKey: PublicKey(type: .ed25519, data: [UInt8](repeating: 7, count: 32)))

  private static func read(_ fields: [String: RawValue]) throws -> BookEntry {
    try ValueType<BookEntry>.peer.read(.map(fields))
  }

  @Test("A peer is named by its key or its id, in each form")
  func names() throws {
    let raw = [UInt8](repeating: 7, count: 32)
    let rsa = try IdentityKey.generate(.rsa).publicKey
    for (fields, peer) in [
      (["public_key": RawValue.text(base64Encode(raw))], Self.peer),
      (["public_key": .text(" \(base64Encode([8, 1, 18, 32] + raw)) ")], Self.peer),
      (["public_key": .text(base64Encode(rsa.protobuf))], PeerID(publicKey: rsa)),
      (["peer_id": .text(Self.peer.description)], Self.peer),
    ] {
      let entry = try Self.read(fields)
      #expect(entry == BookEntry(peerID: peer, name: nil, pinned: true, addresses: [], source: .config))
    }
  }

  @Test("What is shown of an entry is read as the same entry")
  func roundTrip() throws {
    for name in [nil, "fed-01"] {
      let entry = BookEntry(
        peerID: Self.peer, name: name, pinned: true,
        addresses: [try Multiaddr("/ip4/192.0.2.1/udp/9000/quic-v1"), try Multiaddr("/dnsaddr/example.org")],
        source: .config)
      #expect(try ValueType<BookEntry>.peer.read(ValueType<BookEntry>.peer.show(entry)) == entry)
    }
  }

  @Test("What names no peer is refused with a mend")
  func refused() throws {
    let key = RawValue.text(base64Encode([UInt8](repeating: 7, count: 32)))
    let address = RawValue.text("/ip4/192.0.2.1/udp/9000/quic-v1")
    let table: [([String: RawValue], String)] = [
      ([:], "give one of"), (["public_key": .text("???")], "write base64"),
      (["public_key": .text(base64Encode([1, 2, 3]))], "write base64"), (["public_key": .list([])], "give one of"),
      (["public_key": key, "name": .text("")], "write a name"),
      (["public_key": key, "name": .text(String(repeating: "x", count: 65))], "write a name"),
      (["public_key": key, "addresses": address], "write it as [a, b]"),
      (["public_key": key, "addresses": .list([address, address])], "remove one"),
      (["public_key": key, "addresses": .list([.text("/ip4/192.0.2.1/tcp/1")])], "write /ip4"),
      (
        ["public_key": key, "addresses": .list((1...17).map { .text("/ip4/192.0.2.\($0)/udp/1/quic-v1") })],
        "at most 16"
      ),
      (["public_key": key, "pinned": .text("true")], "known are"),
    ]
    for (fields, mend) in table {
      let error = thrown(ValueError.self) { try Self.read(fields) }
      #expect(error?.mend.contains(mend) == true, "\(fields): \(String(describing: error))")
    }
    #expect(thrown(ValueError.self) { try ValueType<BookEntry>.peer.read(.text("x")) }?.mend.contains("{name:") == true)
  }
}
