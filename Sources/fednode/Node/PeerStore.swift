internal import Glibc
internal import Logging
internal import P2PHost

/// Keeps the address book that came through the API, and the blocklist, in the data directory.
///
/// `peers.json` is replaced atomically, the one before it stays as `peers.json.bak`. A file that cannot be read is set
/// aside and told of. What somebody changes by hand meanwhile stays in the file and takes effect at the next start;
/// where both changed the same entry, ours wins and the log says so.
actor PeerStore {
  static let fileName = "peers.json"
  static let bytesMax = 8 << 20
  /// Unreadable files that are kept of one second.
  private static let asideMax = 100

  private let path: String
  private let log = Logger(subsystem: "peers")
  private var lastRevision: UInt64 = 0
  /// What the host had at the last save, or took over at the start: what it changed since is the difference.
  private var ours: StoredBook
  /// What the file held when we last read or wrote it.
  private var written: StoredBook

  /// Reads what is there. Throws where the file can neither be read nor set aside.
  static func open(directory: String) throws(PeerStoreError) -> (store: PeerStore, book: StoredBook) {
    let log = Logger(subsystem: "peers")
    let path = "\(directory)/\(Self.fileName)"
    switch try Self.read(path) {
    case .book(let book): return (PeerStore(path: path, ours: book, written: book), book)
    case .missing: return (PeerStore(path: path, ours: StoredBook(), written: StoredBook()), StoredBook())
    case .unreadable(let error):
      let aside = try Self.setAside(path)
      log.error(
        "the address book cannot be read; it was set aside, mend it and move it back while the node is stopped",
        [("file", aside), ("error", error.description)])
    }
    var book = StoredBook()
    if case .book(let backup) = try Self.read("\(path).bak") {
      log.warning("the address book of the change before is used", [("file", "\(path).bak")])
      book = backup
    }
    return (PeerStore(path: path, ours: book, written: StoredBook()), book)
  }

  private init(path: String, ours: StoredBook, written: StoredBook) {
    self.path = path
    self.ours = ours
    self.written = written
  }

  /// Writes `snapshot`, unless a later one was written already.
  func save(_ snapshot: BookSnapshot) throws(PeerStoreError) {
    guard snapshot.revision > self.lastRevision else { return }
    let ours = StoredBook(peers: snapshot.peers, blocks: snapshot.blocks)
    var book = ours
    switch try Self.read(self.path) {
    case .book(let found):
      if found != self.written {
        self.log.notice(
          "the address book was changed by hand; that takes effect at the next start", [("file", self.path)])
      }
      // Always: what was changed by hand before an earlier save is unknown to the host still.
      let merged = StoredBook.merge(base: self.ours, ours: ours, theirs: found)
      for entry in merged.overruled {
        self.log.warning(
          "an entry of the address book was changed by hand and through the API; the API's word counts",
          [("entry", entry), ("file", "\(self.path).bak")])
      }
      book = merged.book
    case .unreadable(let error):
      let aside = try Self.setAside(self.path)
      self.log.error(
        "the address book was changed by hand into something unreadable; it was set aside",
        [("file", aside), ("error", error.description)])
    case .missing: break
    }
    do throws(FileError) {
      try Files.replacePrivate(self.path, book.bytes, backup: "\(self.path).bak")
    } catch {
      throw PeerStoreError(error)
    }
    self.ours = ours
    self.written = book
    self.lastRevision = snapshot.revision
  }

  private enum Found {
    case book(StoredBook)
    case missing
    case unreadable(StoredBookError)
  }

  private static func read(_ path: String) throws(PeerStoreError) -> Found {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try Files.read(path, max: Self.bytesMax).bytes
    } catch {
      if error.isMissing { return .missing }
      throw PeerStoreError(error)
    }
    do throws(StoredBookError) { return .book(try StoredBook(bytes)) } catch { return .unreadable(error) }
  }

  /// Answers the new name. Replaces no other file.
  private static func setAside(_ path: String) throws(PeerStoreError) -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    for number in 1...Self.asideMax {
      let aside = "\(path).unreadable-\(now.tv_sec)" + (number == 1 ? "" : "-\(number)")
      if link(path, aside) == 0 {
        guard unlink(path) == 0 else { break }
        return aside
      }
      guard errno == EEXIST else { break }
    }
    throw PeerStoreError(FileError(operation: "set aside", path: path, code: errno))
  }
}

/// Why the address book can neither be read nor written, and what to do.
struct PeerStoreError: Error, Sendable, Hashable, CustomStringConvertible {
  let file: FileError

  init(_ file: FileError) { self.file = file }

  var description: String { "\(self.file); \(self.file.mend)" }
}
