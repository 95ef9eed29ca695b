internal import Glibc
internal import Jansson
internal import Logging
internal import P2PCore
internal import P2PHost

/// Keeps the address book that came through the API, and the blocklist, in the data directory.
///
/// `peers.json` is replaced atomically, the one before it stays as `peers.json.bak`. A file that cannot be read is set
/// aside and told of. What somebody changed by hand since we last looked is merged in; where both changed the same
/// entry, ours wins. Hand edits take effect at the next start.
actor PeerStore {
  static let fileName = "peers.json"
  private static let bytesMax = 8 << 20

  private let path: String
  private let log = Logger(subsystem: "peers")
  private var lastRevision: UInt64 = 0
  /// What the file held when we last read or wrote it.
  private var base: StoredBook

  /// Reads what is there. Throws where the file can neither be read nor set aside.
  static func open(directory: String) throws -> (store: PeerStore, book: StoredBook) {
    let log = Logger(subsystem: "peers")
    let path = "\(directory)/\(Self.fileName)"
    var book = StoredBook()
    do {
      book = try Self.read(path) ?? book
    } catch let error as StoredBookError {
      let aside = try Self.setAside(path)
      log.error("the address book cannot be read; it was set aside", [("file", aside), ("error", error.description)])
      if let backup = try Self.readBackup(path) {
        log.warning("the address book of the change before is used", [("file", "\(path).bak")])
        book = backup
      }
    }
    return (PeerStore(path: path, base: book), book)
  }

  private init(path: String, base: StoredBook) {
    self.path = path
    self.base = base
  }

  /// Writes `snapshot`, unless a later one was written already.
  func save(_ snapshot: BookSnapshot) throws {
    guard snapshot.revision > self.lastRevision else { return }
    var book = StoredBook(peers: snapshot.peers, blocks: snapshot.blocks)
    do {
      if let found = try Self.read(self.path), found != self.base {
        self.log.notice("the address book was changed by hand; both changes are kept", [("file", self.path)])
        book = StoredBook.merge(base: self.base, ours: book, theirs: found)
      }
    } catch let error as StoredBookError {
      let aside = try Self.setAside(self.path)
      self.log.error(
        "the address book was changed by hand into something unreadable; it was set aside",
        [("file", aside), ("error", error.description)])
    }
    try Files.replacePrivate(self.path, book.bytes, backup: "\(self.path).bak")
    self.base = book
    self.lastRevision = snapshot.revision
  }

  /// Nil when there is none.
  private static func read(_ path: String) throws -> StoredBook? {
    do {
      return try StoredBook(try Files.read(path, max: Self.bytesMax).bytes)
    } catch let error as FileError where error.isMissing {
      return nil
    }
  }

  private static func readBackup(_ path: String) throws -> StoredBook? {
    do {
      return try Self.read("\(path).bak")
    } catch is StoredBookError {
      return nil
    }
  }

  private static func setAside(_ path: String) throws -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    let aside = "\(path).unreadable-\(now.tv_sec)"
    guard rename(path, aside) == 0 else { throw FileError(operation: "set aside", path: path, code: errno) }
    return aside
  }
}

/// Why a stored address book cannot be used.
struct StoredBookError: Error, CustomStringConvertible {
  let description: String
}

/// The content of `peers.json`.
struct StoredBook: Sendable, Hashable {
  var peers: [BookEntry] = []
  var blocks: [Blocklist.Record] = []

  init(peers: [BookEntry] = [], blocks: [Blocklist.Record] = []) {
    self.peers = peers
    self.blocks = blocks
  }

  // MARK: Merging

  /// Entry by entry: what we did not change is as they have it.
  static func merge(base: StoredBook, ours: StoredBook, theirs: StoredBook) -> StoredBook {
    StoredBook(
      peers: self.merge(base.peers, ours.peers, theirs.peers, key: \.peerID),
      blocks: self.merge(base.blocks, ours.blocks, theirs.blocks, key: \.entry))
  }

  private static func merge<Entry: Hashable, Key: Hashable>(
    _ base: [Entry], _ ours: [Entry], _ theirs: [Entry], key: (Entry) -> Key
  ) -> [Entry] {
    func index(_ entries: [Entry]) -> [Key: Entry] {
      Dictionary(entries.map { (key($0), $0) }, uniquingKeysWith: { first, _ in first })
    }
    let (base, mine) = (index(base), index(ours))
    let other = index(theirs)
    var merged: [Entry] = []
    for entry in ours {
      let id = key(entry)
      guard base[id] == entry else {
        merged.append(entry)
        continue
      }
      if let entry = other[id] { merged.append(entry) }
    }
    merged += theirs.filter { mine[key($0)] == nil && base[key($0)] != $0 }
    return merged
  }

  // MARK: JSON

  var bytes: [UInt8] {
    let peers = self.peers.map { entry -> JSON in
      [
        "peer_id": .string(entry.peerID.description), "name": JSON(entry.name), "pinned": .bool(entry.pinned),
        "addresses": .array(entry.addresses.map { .string($0.description) }),
      ]
    }
    let blocks = self.blocks.map { block -> JSON in
      [
        "entry": .string(block.entry.description), "reason": JSON(block.reason),
        "expires_at_ms": block.expiresAt.map { .integer($0) } ?? .null, "created_at_ms": .integer(block.createdAt),
      ]
    }
    return JSON.object(.init([.init("peers", .array(peers)), .init("blocklist", .array(blocks))])).encoded() + [0x0a]
  }

  init(_ bytes: [UInt8]) throws(StoredBookError) {
    let document: JSON
    do { document = try JSON(decoding: bytes) } catch { throw StoredBookError(description: "\(error)") }
    for item in try Self.list(document, "peers") { self.peers.append(try Self.peer(item)) }
    for item in try Self.list(document, "blocklist") { self.blocks.append(try Self.block(item)) }
  }

  private static func list(_ document: JSON, _ name: String) throws(StoredBookError) -> [JSON] {
    guard case .array(let items)? = document[name] else { throw StoredBookError(description: "it has no list \(name)") }
    return items
  }

  private static func text(_ item: JSON, _ name: String) throws(StoredBookError) -> String {
    guard case .string(let text)? = item[name] else {
      throw StoredBookError(description: "an entry has no text \(name)")
    }
    return text
  }

  private static func peer(_ item: JSON) throws(StoredBookError) -> BookEntry {
    do {
      var addresses: [Multiaddr] = []
      for address in try Self.list(item, "addresses") {
        guard case .string(let text) = address else {
          throw StoredBookError(description: "an address of a peer is \(address.kind)")
        }
        addresses.append(try Multiaddr(text))
      }
      var name: String?
      if case .string(let text)? = item["name"] { name = text }
      return BookEntry(
        peerID: try PeerID(try Self.text(item, "peer_id")), name: name, pinned: item["pinned"] == .bool(true),
        addresses: addresses, source: .api)
    } catch {
      throw StoredBookError(description: "\(error)")
    }
  }

  private static func block(_ item: JSON) throws(StoredBookError) -> Blocklist.Record {
    do {
      var (expiresAt, createdAt): (Int64?, Int64) = (nil, 0)
      if case .integer(let time)? = item["expires_at_ms"] { expiresAt = time }
      if case .integer(let time)? = item["created_at_ms"] { createdAt = time }
      var reason: String?
      if case .string(let text)? = item["reason"] { reason = text }
      return Blocklist.Record(
        entry: try BlockEntry(try Self.text(item, "entry")), createdAt: createdAt, expiresAt: expiresAt, reason: reason)
    } catch {
      throw StoredBookError(description: "\(error)")
    }
  }
}
