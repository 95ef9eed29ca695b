internal import Glibc

/// The file of a Unix socket that this process listens on.
struct UnixSocketFile: Sendable {
  /// Bytes of a path, without the zero that ends it (`sun_path`, unix(7)).
  static let pathBytesMax = 107

  private let path: String
  /// Of the file that we made: only that one is ours to remove.
  private let device: dev_t
  private let inode: ino_t

  /// Answers a socket that listens. A file of a socket that nobody listens on is replaced; nothing else is.
  static func listen(
    at path: String, mode: UInt32
  ) throws(HTTPServerError) -> (descriptor: Int32, file: UnixSocketFile) {
    guard path.hasPrefix("/"), path.utf8.count <= Self.pathBytesMax, !path.utf8.contains(0) else {
      throw HTTPServerError(
        "\(path) is no path for a socket; give an absolute one of at most \(Self.pathBytesMax) bytes")
    }
    let descriptor = try Self.open(path)
    var isListening = false
    defer { if !isListening { close(descriptor) } }
    if Self.bind(descriptor, path) != 0 {
      guard errno == EADDRINUSE else { throw Self.error("bind", path) }
      try Self.removeStale(path)
      guard Self.bind(descriptor, path) == 0 else { throw Self.error("bind", path) }
    }
    // Nobody can connect before it listens, and by then the mode is right.
    var status = stat()
    guard chmod(path, mode) == 0, lstat(path, &status) == 0 else { throw Self.error("set the mode of", path) }
    let file = UnixSocketFile(path: path, device: status.st_dev, inode: status.st_ino)
    guard Glibc.listen(descriptor, ListenSocket.backlog) == 0 else {
      file.remove()
      throw Self.error("listen on", path)
    }
    isListening = true
    return (descriptor, file)
  }

  /// Removes it, unless another one has its name by now.
  func remove() {
    var status = stat()
    guard lstat(self.path, &status) == 0, status.st_dev == self.device, status.st_ino == self.inode else { return }
    unlink(self.path)
  }

  /// `uid:1000`, the user that connected.
  static func peer(of descriptor: Int32) -> String {
    // struct ucred: pid, uid, gid (unix(7)).
    var credentials: [UInt32] = [0, 0, 0]
    var size = socklen_t(MemoryLayout<UInt32>.size * credentials.count)
    guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 else { return "uid:unknown" }
    return "uid:\(credentials[1])"
  }

  private static func removeStale(_ path: String) throws(HTTPServerError) {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else {
      throw HTTPServerError("\(path) is there and is no socket; move it away, or choose another path")
    }
    let probe = try Self.open(path)
    defer { close(probe) }
    let code = Self.withAddress(of: path) { connect(probe, $0, $1) } == 0 ? 0 : errno
    guard code == ECONNREFUSED else {
      // EAGAIN: its backlog is full, so somebody listens.
      let why = code == 0 || code == EAGAIN ? "another process has it" : String(cString: strerror(code))
      throw HTTPServerError("cannot listen on \(path): \(why); choose another path or stop that one")
    }
    guard unlink(path) == 0 || errno == ENOENT else { throw Self.error("replace", path) }
  }

  private static func open(_ path: String) throws(HTTPServerError) -> Int32 {
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_UNIX, kind, 0)
    guard descriptor >= 0 else { throw Self.error("open a socket for", path) }
    return descriptor
  }

  private static func bind(_ descriptor: Int32, _ path: String) -> Int32 {
    Self.withAddress(of: path) { Glibc.bind(descriptor, $0, $1) }
  }

  /// The path has at most `pathBytesMax` bytes.
  private static func withAddress(of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  private static func error(_ verb: String, _ path: String) -> HTTPServerError {
    let code = errno
    let mend =
      switch code {
      case ENOENT, ENOTDIR: "; make its directory first"
      case EACCES, EPERM, EROFS: "; let the user that runs this process write its directory"
      default: ""
      }
    return HTTPServerError("cannot \(verb) \(path): \(String(cString: strerror(code)))\(mend)")
  }
}
