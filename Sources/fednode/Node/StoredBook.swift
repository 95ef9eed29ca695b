internal import Jansson
internal import P2PCore
internal import P2PHost

/// The content of `peers.json`.
struct StoredBook: Sendable, Hashable {
  private(set) var peers: [BookEntry] = []
  private(set) var blocks: [Blocklist.Record] = []

  init(peers: [BookEntry] = [], blocks: [Blocklist.Record] = []) {
    self.peers = peers
    self.blocks = blocks
  }

  // MARK: Merging

  /// What `theirs` holds with the changes that led from `base` to `ours`. `overruled`: entries that both changed, each
  /// in another way, for people.
  static func merge(base: StoredBook, ours: StoredBook, theirs: StoredBook) -> (book: StoredBook, overruled: [String]) {
    let peers = self.merge(base.peers, ours.peers, theirs.peers, key: \.peerID)
    let blocks = self.merge(base.blocks, ours.blocks, theirs.blocks, key: \.entry)
    return (
      StoredBook(peers: peers.entries, blocks: blocks.entries),
      peers.overruled.map(\.description) + blocks.overruled.map(\.description)
    )
  }

  private static func merge<Entry: Hashable, Key: Hashable>(
    _ base: [Entry], _ ours: [Entry], _ theirs: [Entry], key: (Entry) -> Key
  ) -> (entries: [Entry], overruled: [Key]) {
    func index(_ entries: [Entry]) -> [Key: Entry] {
      Dictionary(entries.map { (key($0), $0) }, uniquingKeysWith: { first, _ in first })
    }
    let (before, mine, other) = (index(base), index(ours), index(theirs))
    var merged: [Entry] = []
    var overruled: [Key] = []
    for entry in ours + theirs.filter({ mine[key($0)] == nil }) {
      let id = key(entry)
      let result = mine[id] == before[id] ? other[id] : mine[id]
      if let result { merged.append(result) }
      if result != other[id], other[id] != before[id] { overruled.append(id) }
    }
    return (merged, overruled)
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
        "expires_at_ms": JSON(block.expiresAt), "created_at_ms": .integer(block.createdAt),
      ]
    }
    return JSON.object(.init([.init("peers", .array(peers)), .init("blocklist", .array(blocks))])).encoded() + [0x0a]
  }

  /// Takes nothing that it would not write again: what somebody wrote by hand must not vanish silently.
  init(_ bytes: [UInt8]) throws(StoredBookError) {
    let value: JSON
    do throws(JSONError) {
      value = try JSON(decoding: bytes)
    } catch {
      throw StoredBookError(description: error.description)
    }
    let document = try Members(value, of: "the file", known: ["peers", "blocklist"])
    var (known, blocked): (Set<PeerID>, Set<BlockEntry>) = ([], [])
    for item in try document.list("peers") {
      let entry = try Self.peer(item)
      guard known.insert(entry.peerID).inserted else {
        throw StoredBookError(description: "it has \(entry.peerID) twice")
      }
      self.peers.append(entry)
    }
    for item in try document.list("blocklist") {
      let block = try Self.block(item)
      guard blocked.insert(block.entry).inserted else {
        throw StoredBookError(description: "it has \(block.entry) twice")
      }
      self.blocks.append(block)
    }
  }

  private static func peer(_ item: JSON) throws(StoredBookError) -> BookEntry {
    let members = try Members(item, of: "a peer", known: ["peer_id", "name", "pinned", "addresses"])
    let peer = try members.read("peer_id") { text throws(PeerIDError) in try PeerID(text) }
    let texts = try members.list("addresses")
    guard texts.count <= Host.bookAddressesMax else {
      throw StoredBookError(description: "\(peer) has \(texts.count) addresses, more than \(Host.bookAddressesMax)")
    }
    var addresses: [Multiaddr] = []
    for text in texts {
      guard case .string(let text) = text else {
        throw StoredBookError(description: "an address of \(peer) is \(text.kind), not a string")
      }
      do { addresses.append(try Multiaddr(text)) } catch { throw StoredBookError(description: "\(peer): \(error)") }
    }
    let name = try members.text("name")
    // The API counts characters, so this is what they may have in bytes.
    if let name, name.isEmpty || name.utf8.count > 4 * peerNameBytesMax {
      throw StoredBookError(description: "the name of \(peer) has not 1 to \(4 * peerNameBytesMax) bytes")
    }
    return BookEntry(
      peerID: peer, name: name, pinned: try members.flag("pinned") ?? false, addresses: addresses, source: .api)
  }

  private static func block(_ item: JSON) throws(StoredBookError) -> Blocklist.Record {
    let members = try Members(
      item, of: "an entry of the blocklist", known: ["entry", "reason", "expires_at_ms", "created_at_ms"])
    return Blocklist.Record(
      entry: try members.read("entry") { text throws(BlockEntryError) in try BlockEntry(text) },
      createdAt: try members.integer("created_at_ms") ?? 0, expiresAt: try members.integer("expires_at_ms"),
      reason: try members.text("reason"))
  }
}

/// Why a stored address book cannot be used.
struct StoredBookError: Error, Sendable, Hashable, CustomStringConvertible {
  let description: String
}

/// The members of an object that are known; `null` is the same as leaving one out.
private struct Members {
  private let value: JSON
  /// For people.
  private let owner: String

  init(_ value: JSON, of owner: String, known: [String]) throws(StoredBookError) {
    guard case .object(let object) = value else {
      throw StoredBookError(description: "\(owner) is \(value.kind), not an object")
    }
    if let unknown = object.members.first(where: { !known.contains($0.name) }) {
      throw StoredBookError(
        description:
          "\(owner) has the unknown member \(quoted(unknown.name)); known are \(known.joined(separator: ", "))"
      )
    }
    self.value = value
    self.owner = owner
  }

  func list(_ name: String) throws(StoredBookError) -> [JSON] {
    guard case .array(let items)? = self.value[name] else { throw self.wrong(name, "an array") }
    return items
  }

  func text(_ name: String) throws(StoredBookError) -> String? {
    switch self.value[name] {
    case .string(let text)?: return text
    case nil, .null?: return nil
    default: throw self.wrong(name, "a string")
    }
  }

  func flag(_ name: String) throws(StoredBookError) -> Bool? {
    switch self.value[name] {
    case .bool(let flag)?: return flag
    case nil, .null?: return nil
    default: throw self.wrong(name, "true or false")
    }
  }

  func integer(_ name: String) throws(StoredBookError) -> Int64? {
    switch self.value[name] {
    case .integer(let number)?: return number
    case nil, .null?: return nil
    default: throw self.wrong(name, "an integer")
    }
  }

  /// A text that must be there and that `read` understands.
  func read<Value, Failure: Error>(
    _ name: String, _ read: (String) throws(Failure) -> Value
  ) throws(StoredBookError) -> Value {
    guard let text = try self.text(name) else { throw self.wrong(name, "a string") }
    do throws(Failure) {
      return try read(text)
    } catch {
      throw StoredBookError(description: "\(name) of \(self.owner): \(error)")
    }
  }

  private func wrong(_ name: String, _ wanted: String) -> StoredBookError {
    StoredBookError(description: "\(name) of \(self.owner) is not \(wanted)")
  }
}
