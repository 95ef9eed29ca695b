internal import Glibc

/// What the operating system said about a file.
struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
  let operation: String
  let path: String
  let code: Int32

  var description: String { "cannot \(self.operation) \(self.path): \(String(cString: strerror(self.code)))" }
  /// What an operator can do about it.
  var mend: String {
    switch self.code {
    case ENOSPC, EDQUOT: "free space on its disk"
    case EACCES, EPERM: "let the user that runs fednode read and write it"
    case EROFS: "make its file system writable, or name another data_dir"
    case EFBIG, EISDIR: "move it away"
    default: "see that its directory and disk are in order"
    }
  }
  var isMissing: Bool { self.code == ENOENT || self.code == ENOTDIR }
}

/// A file that was read whole.
struct FileContent: Sendable {
  let bytes: [UInt8]
  /// Permission bits.
  let mode: UInt32

  /// Whether anyone but the owner may read, write or run it.
  var isOpenToOthers: Bool { self.mode & 0o077 != 0 }
}

enum Files {
  /// Reads a regular file of at most `max` bytes.
  static func read(_ path: String, max: Int) throws(FileError) -> FileContent {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw FileError(operation: "open", path: path, code: errno) }
    defer { close(file) }
    // The mode of what was opened, not of what the path may name a moment later.
    var status = stat()
    guard fstat(file, &status) == 0 else { throw FileError(operation: "look at", path: path, code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(operation: "read", path: path, code: EISDIR) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError(operation: "read", path: path, code: errno) }
      if count == 0 { return FileContent(bytes: bytes, mode: status.st_mode & 0o7777) }
      bytes += chunk.prefix(count)
      guard bytes.count <= max else { throw FileError(operation: "read", path: path, code: EFBIG) }
    }
  }

  /// Makes a directory that only we may enter, and those above it.
  static func makePrivateDirectory(_ path: String) throws(FileError) {
    if mkdir(path, 0o700) == 0 { return }
    switch errno {
    case EEXIST: return
    case ENOENT:
      guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { break }
      try Self.makePrivateDirectory(String(path[..<slash]))
      if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    default: break
    }
    throw FileError(operation: "make the directory", path: path, code: errno)
  }

  /// Writes a new file of mode 0600, whole or not at all. Fails with `EEXIST` when there is one already.
  static func createPrivate(_ path: String, _ bytes: [UInt8]) throws(FileError) {
    let temporary = try Self.writeTemporary(beside: path, bytes)
    defer { unlink(temporary) }
    // Unlike rename, link never replaces a file.
    guard link(temporary, path) == 0 else { throw FileError(operation: "create", path: path, code: errno) }
    try Self.syncDirectory(of: path)
  }

  /// Writes a file of mode 0600, whole or not at all, over the one that may be there, which becomes `backup`.
  static func replacePrivate(_ path: String, _ bytes: [UInt8], backup: String) throws(FileError) {
    let temporary = try Self.writeTemporary(beside: path, bytes)
    defer { unlink(temporary) }
    // The old file has both names until the new one takes its place: at no moment is there none.
    let aside = "\(temporary).bak"
    unlink(aside)
    if link(path, aside) == 0 {
      guard rename(aside, backup) == 0 else {
        let code = errno
        unlink(aside)
        throw FileError(operation: "back up to", path: backup, code: code)
      }
      // Where both were the same file already, rename leaves both names.
      unlink(aside)
    } else if errno != ENOENT {
      throw FileError(operation: "back up to", path: backup, code: errno)
    }
    guard rename(temporary, path) == 0 else { throw FileError(operation: "replace", path: path, code: errno) }
    try Self.syncDirectory(of: path)
  }

  private static func writeTemporary(beside path: String, _ bytes: [UInt8]) throws(FileError) -> String {
    let temporary = "\(path).\(getpid()).tmp"
    // Left over from a process of this number that was killed here.
    unlink(temporary)
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw FileError(operation: "create", path: temporary, code: errno) }
    let code = Self.writeAll(file, bytes)
    close(file)
    if code != 0 {
      unlink(temporary)
      throw FileError(operation: "write", path: temporary, code: code)
    }
    return temporary
  }

  /// Zero or an error number.
  private static func writeAll(_ file: Int32, _ bytes: [UInt8]) -> Int32 {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return errno }
        rest = rest.dropFirst(count)
      }
      // The umask may have taken bits away that the owner needs.
      guard fchmod(file, 0o600) == 0, fsync(file) == 0 else { return errno }
      return 0
    }
  }

  /// A new name lasts only when its directory is on disk.
  private static func syncDirectory(of path: String) throws(FileError) {
    let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let directory = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw FileError(operation: "open", path: parent, code: errno) }
    defer { close(directory) }
    guard fsync(directory) == 0 || errno == EINVAL else {
      throw FileError(operation: "write", path: parent, code: errno)
    }
  }
}
