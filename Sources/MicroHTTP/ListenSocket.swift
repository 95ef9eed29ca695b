internal import Glibc

/// A bound, listening TCP or Unix socket.
struct ListenSocket: Sendable {
  let descriptor: Int32
  /// 0 for a Unix socket.
  let port: UInt16
  /// Of a Unix socket.
  private let file: UnixSocketFile?

  init(_ configuration: HTTPServerConfiguration) throws(HTTPServerError) {
    guard let path = configuration.socketPath else {
      try self.init(address: configuration.address, port: configuration.port)
      return
    }
    let (descriptor, file) = try UnixSocketFile.listen(at: path, mode: configuration.socketMode)
    self.init(descriptor: descriptor, port: 0, file: file)
  }

  private init(descriptor: Int32, port: UInt16, file: UnixSocketFile?) {
    self.descriptor = descriptor
    self.port = port
    self.file = file
  }

  /// Closes it, and removes the file of a Unix socket.
  func remove() {
    self.file?.remove()
    close(self.descriptor)
  }

  private init(address: String, port: UInt16) throws(HTTPServerError) {
    var hints = addrinfo()
    hints.ai_family = AF_UNSPEC
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address, String(port), &hints, &found) == 0, let found else {
      throw HTTPServerError(
        "\(address) is no IP address to listen on; give one such as 127.0.0.1, ::1 or 0.0.0.0, without brackets")
    }
    defer { freeaddrinfo(found) }
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
    let descriptor = socket(found.pointee.ai_family, kind, 0)
    guard descriptor >= 0 else { throw Self.error("open a socket for", address, port) }
    var bound = false
    defer { if !bound { close(descriptor) } }
    Self.set(descriptor, SOL_SOCKET, SO_REUSEADDR)
    if found.pointee.ai_family == AF_INET6 { Self.set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
    guard bind(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0 else {
      throw Self.error("bind", address, port)
    }
    guard listen(descriptor, Self.backlog) == 0 else { throw Self.error("listen on", address, port) }
    bound = true
    self.init(descriptor: descriptor, port: Self.port(of: descriptor), file: nil)
  }

  /// Connections that wait to be accepted; the kernel caps it at net.core.somaxconn.
  static let backlog: Int32 = 4_096

  private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32) {
    var on: Int32 = 1
    // Refused only on a descriptor that is no socket.
    setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func error(_ verb: String, _ address: String, _ port: UInt16) -> HTTPServerError {
    let code = errno
    let mend =
      switch code {
      case EADDRINUSE: "; another process has it, choose another port or stop that one"
      case EADDRNOTAVAIL: "; no interface of this machine has that address"
      case EACCES: "; ports below 1024 need a privilege"
      default: ""
      }
    let place = address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    return HTTPServerError("cannot \(verb) \(place): \(String(cString: strerror(code)))\(mend)")
  }

  private static func port(of descriptor: Int32) -> UInt16 {
    var storage = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &storage) { bytes in
      guard let base = bytes.baseAddress else { return 0 }
      getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &size)
      // sin_port and sin6_port lie at the same place.
      return UInt16(bytes[2]) << 8 | UInt16(bytes[3])
    }
  }

  /// `127.0.0.1:50312` or `[::1]:50312`; the user at the other end of a Unix socket, `uid:1000`.
  static func text(of address: UnsafePointer<sockaddr>?, descriptor: Int32) -> String {
    guard let address else { return "unknown" }
    if Int32(address.pointee.sa_family) == AF_UNIX { return UnixSocketFile.peer(of: descriptor) }
    let isIPv6 = Int32(address.pointee.sa_family) == AF_INET6
    let raw = UnsafeRawPointer(address)
    let port =
      UInt16(raw.load(fromByteOffset: 2, as: UInt8.self)) << 8
      | UInt16(raw.load(fromByteOffset: 3, as: UInt8.self))
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    // sin_addr lies at 4, sin6_addr at 8.
    inet_ntop(isIPv6 ? AF_INET6 : AF_INET, raw + (isIPv6 ? 8 : 4), &text, socklen_t(text.count))
    let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
