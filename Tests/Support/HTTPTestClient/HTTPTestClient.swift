internal import Dispatch
internal import Glibc
internal import Synchronization

/// One TCP connection of a client that sends what it is told, well-formed or not. Blocking calls run on a queue of
/// its own, so that they do not take a thread from the tasks under test.
package final class HTTPTestClient: Sendable {
  package struct Response: Sendable {
    package var status: Int
    package var head: String
    package var body: String

    /// Value of a header, name without case.
    package subscript(name: String) -> String? {
      self.head.split(separator: "\r\n").dropFirst().first { line in
        line.lowercased().hasPrefix(name.lowercased() + ":")
      }.map { line in
        String(line.dropFirst(name.utf8.count + 1).drop { $0 == " " })
      }
    }
  }

  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  private let descriptor: Int32
  private let queue = DispatchQueue(label: "HTTPTestClient")
  private let buffer = Mutex<[UInt8]>([])
  private let open = Atomic(true)

  package init(port: UInt16, ipv6: Bool = false, receiveBufferBytes: Int32? = nil) throws {
    self.descriptor = socket(ipv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    if var size = receiveBufferBytes {
      setsockopt(self.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }
    // A test that waits for ever is a test that does not say what is wrong.
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(self.descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let code: Int32
    if ipv6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      address.sin6_addr = in6addr_loopback
      code = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
        }
      }
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      code = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
    guard code == 0 else { throw Failure(description: "connect: \(String(cString: strerror(errno)))") }
  }

  /// To a Unix socket.
  package init(socketPath: String) throws {
    self.descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(self.descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socketPath.utf8.prefix(107)) }
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard code == 0 else { throw Failure(description: "connect: \(String(cString: strerror(errno)))") }
  }

  deinit { self.close() }

  package func close() {
    if self.open.exchange(false, ordering: .sequentiallyConsistent) { _ = Glibc.close(self.descriptor) }
  }

  /// Sends all of it; false when the other side has gone.
  @discardableResult
  package func send(_ text: String) async -> Bool { await self.send(bytes: Array(text.utf8)) }

  @discardableResult
  package func send(bytes: [UInt8]) async -> Bool {
    await self.blocking {
      var sent = 0
      while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes {
          Glibc.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return false }
        sent += count
      }
      return true
    }
  }

  /// The next response; without a body where `headOnly`, or where the status has none.
  package func response(headOnly: Bool = false) async throws -> Response {
    var response = try await self.head()
    guard !headOnly, response.status != 204, response.status / 100 != 1 else { return response }
    if response["Transfer-Encoding"]?.lowercased() == "chunked" {
      while let chunk = try await self.chunk() { response.body += chunk }
    } else if let length = response["Content-Length"].flatMap({ Int($0) }) {
      response.body = String(decoding: try await self.take(length), as: UTF8.self)
    } else {
      response.body = await self.rest()
    }
    return response
  }

  /// The next response up to its empty line.
  package func head() async throws -> Response {
    var head = ""
    while true {
      let line = try await self.line()
      if line.isEmpty { break }
      head += line + "\r\n"
    }
    let status = head.split(separator: " ", maxSplits: 2).dropFirst().first.flatMap { Int($0) }
    guard let status else { throw Failure(description: "no status line: \(head)") }
    return Response(status: status, head: head, body: "")
  }

  /// The next chunk of a chunked body, nil for the last.
  package func chunk() async throws -> String? {
    let size = try await self.line()
    guard let count = Int(size, radix: 16) else { throw Failure(description: "no chunk size: \(size)") }
    let data = try await self.take(count + 2)
    return count == 0 ? nil : String(decoding: data.dropLast(2), as: UTF8.self)
  }

  /// Everything until the other side closes.
  package func rest() async -> String {
    while await self.more() {}
    return self.buffer.withLock { buffer in
      defer { buffer = [] }
      return String(decoding: buffer, as: UTF8.self)
    }
  }

  // MARK: Reading

  private func line() async throws -> String {
    while true {
      let line: String? = self.buffer.withLock { buffer in
        guard let end = buffer.firstIndex(of: 10) else { return nil }
        let line = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeFirst(end + 1)
        return line.hasSuffix("\r") ? String(line.dropLast()) : line.replacing("\r", with: "")
      }
      if let line { return line }
      guard await self.more() else { throw Failure(description: "closed before the end of a line") }
    }
  }

  private func take(_ count: Int) async throws -> [UInt8] {
    while self.buffer.withLock({ $0.count }) < count {
      guard await self.more() else { throw Failure(description: "closed before \(count) bytes") }
    }
    return self.buffer.withLock { buffer in
      defer { buffer.removeFirst(count) }
      return Array(buffer[..<count])
    }
  }

  private func more() async -> Bool {
    await self.blocking {
      var bytes = [UInt8](repeating: 0, count: 65_536)
      let count = recv(self.descriptor, &bytes, bytes.count, 0)
      guard count > 0 else { return false }
      self.buffer.withLock { $0.append(contentsOf: bytes[..<count]) }
      return true
    }
  }

  private func blocking(_ body: @escaping @Sendable () -> Bool) async -> Bool {
    await withCheckedContinuation { continuation in
      self.queue.async { continuation.resume(returning: body()) }
    }
  }
}
