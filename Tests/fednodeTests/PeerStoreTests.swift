import Foundation
import Glibc
import GnuTLS
import P2PCore
import Testing

@testable import P2PHost
@testable import fednode

/// The user of this thread alone, as far as files are concerned (setfsuid(2)); Glibc does not have it.
@_silgen_name("setfsuid") private func setfsuid(_ user: UInt32) -> Int32

@Suite struct PeerStoreTests {
  private let directory: TemporaryDirectory
  private var path: String { "\(self.directory.path)/peers.json" }

  init() throws { self.directory = try TemporaryDirectory() }

  /// The same peers in every test of a run.
  private static let peers: [PeerID] = (1...4).map { number in
    PeerID(publicKey: PublicKey(type: .ed25519, data: [UInt8](repeating: UInt8(number), count: 32)))
  }

  private static func entry(
    _ number: Int, name: String? = nil, pinned: Bool = true, addresses: [String] = ["/ip4/192.0.2.1/udp/9000/quic-v1"]
  ) throws -> BookEntry {
    BookEntry(
      peerID: Self.peers[number], name: name, pinned: pinned, addresses: try addresses.map { try Multiaddr($0) },
      source: .api)
  }

  private static func block(_ text: String, expiresAt: Int64? = nil, reason: String? = nil) throws -> Blocklist.Record {
    Blocklist.Record(entry: try BlockEntry(text), createdAt: 1_700_000_000_000, expiresAt: expiresAt, reason: reason)
  }

  private func write(_ book: StoredBook) throws {
    try self.directory.write("peers.json", String(decoding: book.bytes, as: UTF8.self))
  }

  private func read(_ name: String = "peers.json") throws -> StoredBook {
    try StoredBook(Array(Data(contentsOf: URL(fileURLWithPath: "\(self.directory.path)/\(name)"))))
  }

  private func open() throws -> (store: PeerStore, book: StoredBook) {
    try PeerStore.open(directory: self.directory.path)
  }

  @Test("What is kept is found at the next start, in a file of its owner only")
  func roundTrip() async throws {
    let peers = [
      try Self.entry(
        0, name: "fed-\"01\" é", addresses: ["/ip6/2001:db8::1/udp/1/quic-v1", "/dns4/a.example/udp/2/quic-v1"]),
      try Self.entry(1, pinned: false, addresses: []),
    ]
    let blocks = [
      try Self.block("10.0.0.0/8", expiresAt: 1_900_000_000_000, reason: "too loud"), try Self.block("2001:db8::1"),
      try Self.block(Self.peers[2].description),
    ]
    let (store, empty) = try self.open()
    #expect(empty == StoredBook())
    try await store.save(BookSnapshot(revision: 1, peers: peers, blocks: blocks))
    #expect(try self.open().book == StoredBook(peers: peers, blocks: blocks))
    #expect(try self.directory.contents(self.directory.path) == ["peers.json"])
    #expect(try self.directory.mode(self.path) == 0o600)
  }

  @Test("The file before the last change stays as a backup, of one generation")
  func backup() async throws {
    let (store, _) = try self.open()
    for revision in 1...3 {
      try await store.save(
        BookSnapshot(revision: UInt64(revision), peers: [try Self.entry(revision)], blocks: []))
    }
    #expect(try self.read().peers.map(\.peerID) == [Self.peers[3]])
    #expect(try self.read("peers.json.bak").peers.map(\.peerID) == [Self.peers[2]])
    #expect(try self.directory.contents(self.directory.path) == ["peers.json", "peers.json.bak"])
    #expect(try self.directory.mode(self.path + ".bak") == 0o600)
  }

  @Test("What an interrupted write left behind is in nobody's way")
  func interrupted() async throws {
    let (store, _) = try self.open()
    try await store.save(BookSnapshot(revision: 1, peers: [try Self.entry(0)], blocks: []))
    try self.directory.write("peers.json.\(getpid()).tmp", "{\"peers\": [", mode: 0o644)
    try self.directory.write("peers.json.\(getpid()).tmp.bak", "", mode: 0o644)
    #expect(try self.open().book.peers.count == 1)
    try await store.save(BookSnapshot(revision: 2, peers: [], blocks: []))
    #expect(try self.read() == StoredBook())
    #expect(try self.read("peers.json.bak").peers.count == 1)
    #expect(try self.directory.contents(self.directory.path) == ["peers.json", "peers.json.bak"])
  }

  @Test("A snapshot that is overtaken by a later one is not written")
  func order() async throws {
    let (store, _) = try self.open()
    try await store.save(BookSnapshot(revision: 2, peers: [try Self.entry(2)], blocks: []))
    try await store.save(BookSnapshot(revision: 1, peers: [try Self.entry(1)], blocks: []))
    try await store.save(BookSnapshot(revision: 2, peers: [], blocks: []))
    #expect(try self.read().peers.map(\.peerID) == [Self.peers[2]])
  }

  // MARK: Changes by hand

  @Test("What is added by hand while the node runs stays through every later change")
  func addedByHand() async throws {
    let (store, _) = try self.open()
    let ours = try Self.entry(0)
    try await store.save(BookSnapshot(revision: 1, peers: [ours], blocks: []))
    let hand = StoredBook(peers: [ours, try Self.entry(1)], blocks: [try Self.block("10.0.0.0/8")])
    try self.write(hand)
    let lines = try await logged(in: self.directory) {
      for revision in 2...4 {
        let peers = [ours, try Self.entry(2, name: "\(revision)")]
        try await store.save(BookSnapshot(revision: UInt64(revision), peers: peers, blocks: []))
      }
    }
    #expect(Set(try self.read().peers.map(\.peerID)) == Set(Self.peers[0...2]))
    #expect(try self.read().blocks == hand.blocks)
    #expect(lines.count == 1)
    #expect(lines.first?.contains("changed by hand") == true)
  }

  /// An entry as the file, the API and an editor may have it; -1: not at all.
  @Test("Entry by entry, what the API did not change is as it was written by hand; where both did, the API counts")
  func merging() throws {
    for before in [-1, 0] {
      for ours in [-1, 0, 1] {
        for theirs in [-1, 0, 2] {
          func book(_ version: Int) throws -> StoredBook {
            guard version >= 0 else { return StoredBook(peers: [try Self.entry(3)]) }
            return StoredBook(peers: [try Self.entry(3), try Self.entry(0, name: "v\(version)")])
          }
          let merged = try StoredBook.merge(base: book(before), ours: book(ours), theirs: book(theirs))
          let isOurs = ours != before
          let expected = try book(isOurs ? ours : theirs)
          #expect(Set(merged.book.peers) == Set(expected.peers), "\(before) \(ours) \(theirs)")
          #expect(merged.book.peers.count == Set(merged.book.peers).count)
          let isOverruled = isOurs && theirs != before && theirs != ours
          #expect(merged.overruled == (isOverruled ? [Self.peers[0].description] : []))
        }
      }
    }
  }

  @Test("A change by hand that the API overrules is told and stays in the backup")
  func overruled() async throws {
    try self.write(StoredBook(peers: [try Self.entry(0, name: "old")]))
    let (store, _) = try self.open()
    try self.write(StoredBook(peers: [try Self.entry(0, name: "by hand")]))
    let lines = try await logged(in: self.directory) {
      try await store.save(BookSnapshot(revision: 1, peers: [try Self.entry(0, name: "by API")], blocks: []))
    }
    #expect(try self.read().peers.map(\.name) == ["by API"])
    #expect(try self.read("peers.json.bak").peers.map(\.name) == ["by hand"])
    #expect(lines.contains { $0.contains("WARNING") && $0.contains(Self.peers[0].description) })
  }

  @Test("A file that was removed by hand is written again")
  func removedByHand() async throws {
    let (store, _) = try self.open()
    try await store.save(BookSnapshot(revision: 1, peers: [try Self.entry(0)], blocks: []))
    try FileManager.default.removeItem(atPath: self.path)
    try await store.save(BookSnapshot(revision: 2, peers: [try Self.entry(0), try Self.entry(1)], blocks: []))
    #expect(try self.read().peers.count == 2)
  }

  // MARK: Unreadable files

  private static let unreadable = [
    "", "{", "[]", "{}", #"{"peers": []}"#, #"{"peers": {}, "blocklist": []}"#, #"{"peers": [1], "blocklist": []}"#,
    #"{"peers": [{}], "blocklist": []}"#, #"{"peers": [], "blocklist": [{}]}"#,
    #"{"peers": [], "blocklist": [], "extra": 1}"#, #"{"peers": [], "blocklist": [{"entry": "10.0.0.1/8"}]}"#,
    #"{"peers": [], "blocklist": [{"entry": "10.0.0.1"}, {"entry": "10.0.0.1/32"}]}"#,
    #"{"peers": [], "blocklist": [{"entry": "10.0.0.1", "expires_at_ms": "tomorrow"}]}"#,
    #"{"peers": [], "blocklist": [{"entry": "10.0.0.1", "reason": 5}]}"#,
    #"{"peers": [{"peer_id": "x", "addresses": []}], "blocklist": []}"#,
    #"{"peers": [{"peer_id": "PEER"}], "blocklist": []}"#,
    #"{"peers": [{"peer_id": "PEER", "addresses": [1]}], "blocklist": []}"#,
    #"{"peers": [{"peer_id": "PEER", "addresses": ["/ip4/x"]}], "blocklist": []}"#,
    #"{"peers": [{"peer_id": "PEER", "addresses": [], "pinned": "true"}], "blocklist": []}"#,
    #"{"peers": [{"peer_id": "PEER", "addresses": [], "name": ""}], "blocklist": []}"#,
    #"{"peers": [{"peer_id": "PEER", "addresses": [], "adresses": []}], "blocklist": []}"#,
    #"{"peers": [{"peer_id": "PEER", "addresses": []}, {"peer_id": "PEER", "addresses": []}], "blocklist": []}"#,
    #"{"peers": [{"peer_id": "PEER", "addresses": [ADDRESSES]}], "blocklist": []}"#,
  ]

  @Test("A file that cannot be used is set aside whole, and the log says where and why", arguments: Self.unreadable)
  func setAside(text: String) async throws {
    let addresses = (1...17).map { "\"/ip4/192.0.2.\($0)/udp/1/quic-v1\"" }.joined(separator: ",")
    let text = text.replacingOccurrences(of: "PEER", with: Self.peers[0].description)
      .replacingOccurrences(of: "ADDRESSES", with: addresses)
    try self.directory.write("peers.json", text)
    var book = StoredBook(peers: [try Self.entry(0)])
    let lines = try await logged(in: self.directory) { book = try self.open().book }
    #expect(book == StoredBook())
    let aside = try #require(try self.directory.contents(self.directory.path).first { $0.contains("unreadable") })
    #expect(try String(contentsOfFile: "\(self.directory.path)/\(aside)", encoding: .utf8) == text)
    #expect(lines.contains { $0.contains("ERROR") && $0.contains(aside) && $0.contains("error=") })
    #expect(!FileManager.default.fileExists(atPath: self.path))
  }

  @Test("In place of an unreadable file the backup is used, and nothing is lost by the next change")
  func fromBackup() async throws {
    let (first, _) = try self.open()
    try await first.save(BookSnapshot(revision: 1, peers: [try Self.entry(0)], blocks: []))
    try await first.save(BookSnapshot(revision: 2, peers: [try Self.entry(0), try Self.entry(1)], blocks: []))
    try self.directory.write("peers.json", "{")
    let (store, book) = try self.open()
    #expect(book.peers.map(\.peerID) == [Self.peers[0]])
    try await store.save(BookSnapshot(revision: 1, peers: book.peers + [try Self.entry(2)], blocks: []))
    #expect(Set(try self.read().peers.map(\.peerID)) == [Self.peers[0], Self.peers[2]])
    #expect(try self.read("peers.json.bak").peers.map(\.peerID) == [Self.peers[0]])
  }

  @Test("Several unreadable files of one second are all kept")
  func severalAside() throws {
    for text in ["a", "b", "c"] {
      try self.directory.write("peers.json", text)
      _ = try self.open()
    }
    let aside = try self.directory.contents(self.directory.path).filter { $0.contains("unreadable") }
    #expect(
      Set(try aside.map { try String(contentsOfFile: "\(self.directory.path)/\($0)", encoding: .utf8) }) == [
        "a", "b", "c",
      ])
  }

  @Test("A change by hand into something unreadable is set aside as well, and the node's own book stays")
  func unreadableMeanwhile() async throws {
    let (store, _) = try self.open()
    try await store.save(BookSnapshot(revision: 1, peers: [try Self.entry(0)], blocks: []))
    try self.directory.write("peers.json", "{\"peers\": oops")
    let lines = try await logged(in: self.directory) {
      try await store.save(BookSnapshot(revision: 2, peers: [try Self.entry(0), try Self.entry(1)], blocks: []))
    }
    let aside = try #require(try self.directory.contents(self.directory.path).first { $0.contains("unreadable") })
    #expect(try String(contentsOfFile: "\(self.directory.path)/\(aside)", encoding: .utf8) == "{\"peers\": oops")
    #expect(lines.contains { $0.contains("ERROR") && $0.contains(aside) })
    #expect(try self.read().peers.count == 2)
  }

  // MARK: Failures

  @Test("Where it cannot be written, the error says what and what to do, and a later change has everything")
  func notWritable() async throws {
    let folder = self.directory.path + "/data"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    let (store, _) = try PeerStore.open(directory: folder)
    try FileManager.default.removeItem(atPath: folder)
    let snapshot = BookSnapshot(revision: 1, peers: [try Self.entry(0)], blocks: [])
    do {
      try await store.save(snapshot)
      Issue.record("it was saved into nothing")
    } catch {
      #expect("\(error)".contains("cannot create \(folder)/peers.json"))
      #expect("\(error)".contains("No such file or directory; see that its directory"))
    }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try await store.save(snapshot)
    #expect(try PeerStore.open(directory: folder).book.peers.count == 1)
  }

  @Test("What is no file, or too large for one, stops the start with words")
  func noFile() throws {
    try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: false)
    #expect(throws: PeerStoreError(FileError(operation: "read", path: self.path, code: EISDIR))) { try self.open() }
    try FileManager.default.removeItem(atPath: self.path)
    try self.directory.write("peers.json", String(repeating: " ", count: PeerStore.bytesMax + 1))
    let error = thrown(PeerStoreError.self) { try self.open() }
    #expect(error?.description.contains("File too large; move it away") == true)
  }

  @Test(
    "Every failure of a file has a mend",
    arguments: [
      (ENOSPC, "free space"), (EDQUOT, "free space"), (EACCES, "let the user"), (EROFS, "another data_dir"),
      (EISDIR, "move it away"), (EIO, "see that"),
    ])
  func mends(code: Int32, words: String) {
    let error = PeerStoreError(FileError(operation: "write", path: "/data/peers.json", code: code))
    #expect(error.description.hasPrefix("cannot write /data/peers.json: \(String(cString: strerror(code))); "))
    #expect(error.description.contains(words))
  }

  @Test("A directory that only others may write to is an error, and its files stay as they are")
  func foreignDirectory() throws {
    try self.directory.write("peers.json", "old", mode: 0o644)
    try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: self.directory.path)
    // Root may write anywhere, so not as root: this is about the thread alone.
    _ = setfsuid(65_534)
    defer { _ = setfsuid(geteuid()) }
    let error = thrown(FileError.self) {
      try Files.replacePrivate(self.path, [1], backup: self.path + ".bak")
    }
    #expect(error?.code == EACCES)
    _ = setfsuid(geteuid())
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: self.directory.path)
    #expect(try self.directory.contents(self.directory.path) == ["peers.json"])
    #expect(try String(contentsOfFile: self.path, encoding: .utf8) == "old")
  }
}
