import Foundation
import Glibc
import Synchronization

/// A DNS server on loopback, over UDP and TCP, that answers what a test says (RFC 1035 §4).
final class DNSServer: Sendable {
  struct Record: Sendable {
    static let (a, cname, txt, aaaa): (UInt16, UInt16, UInt16, UInt16) = (1, 5, 16, 28)

    let type: UInt16
    let ttl: UInt32
    let data: [UInt8]
    /// Nil: the name that was asked for.
    var name: String?

    static func a(_ last: UInt8, ttl: UInt32 = 60) -> Record {
      Record(type: Self.a, ttl: ttl, data: [192, 0, 2, last])
    }
    static func aaaa(_ last: UInt8, ttl: UInt32 = 60) -> Record {
      Record(type: Self.aaaa, ttl: ttl, data: [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [last])
    }
    /// Strings of at most 255 bytes each.
    static func txt(_ strings: [String]) -> Record {
      Record(type: Self.txt, ttl: 60, data: strings.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) })
    }
    static func cname(_ target: String, ttl: UInt32) -> Record {
      Record(type: Self.cname, ttl: ttl, data: DNSServer.encode(target))
    }
  }

  struct Query: Sendable {
    let bytes: [UInt8]
    let name: String
    let type: UInt16
    let isTCP: Bool

    init?(_ bytes: [UInt8], isTCP: Bool) {
      guard bytes.count > 16 else { return nil }
      var labels: [String] = []
      var position = 12
      while position < bytes.count, bytes[position] != 0 {
        let end = position + 1 + Int(bytes[position])
        guard end + 4 < bytes.count else { return nil }
        labels.append(String(decoding: bytes[(position + 1)..<end], as: UTF8.self))
        position = end
      }
      guard position + 4 < bytes.count else { return nil }
      self.type = UInt16(bytes[position + 1]) << 8 | UInt16(bytes[position + 2])
      self.name = labels.joined(separator: ".").lowercased()
      // Without what follows the question: extensions that this server does not know.
      self.bytes = Array(bytes[..<(position + 5)])
      self.isTCP = isTCP
    }

    /// `code`: 0 no error, 2 failure, 3 no such name.
    func reply(_ records: [Record] = [], code: UInt8 = 0, isTruncated: Bool = false) -> [UInt8] {
      var reply = self.bytes
      reply[2] = isTruncated ? 0x86 : 0x84
      reply[3] = 0x80 | code
      reply.replaceSubrange(6..<12, with: [UInt8(records.count >> 8), UInt8(records.count & 255), 0, 0, 0, 0])
      for record in records {
        reply += record.name.map { DNSServer.encode($0) } ?? [0xc0, 12]
        reply += [UInt8(record.type >> 8), UInt8(record.type & 255), 0, 1]
        reply += (0..<4).map { UInt8(record.ttl >> (24 - 8 * $0) & 255) }
        reply += [UInt8(record.data.count >> 8), UInt8(record.data.count & 255)] + record.data
      }
      return reply
    }
  }

  /// Answers to one query, in their order.
  typealias Handler = @Sendable (Query) -> [[UInt8]]

  let port: UInt16
  private let asked: Asked
  private final class Asked: Sendable {
    let datagrams = Atomic(0)
    let names = Mutex<[String]>([])
    let isOver = Atomic(false)
  }

  /// `127.0.0.1:5353`
  var address: String { "127.0.0.1:\(self.port)" }
  /// The names that were asked for so far.
  var queries: [String] { self.asked.names.withLock { $0 } }

  /// Whatever came over UDP.
  var datagrams: Int { self.asked.datagrams.load(ordering: .relaxed) }

  init(_ handler: @escaping Handler) throws {
    let (tcp, udp, port) = try Self.bound()
    guard listen(tcp, 8) == 0 else { throw POSIXError(.EIO) }
    self.port = port
    self.asked = Asked()
    let asked = self.asked
    Thread.detachNewThread {
      Self.serve(udp, tcp, asked, handler)
      close(udp)
      close(tcp)
    }
  }

  deinit { self.asked.isOver.store(true, ordering: .relaxed) }

  /// Answers with the records of the name and type, and that there is no such name for others.
  convenience init(_ records: [String: [Record]]) throws {
    try self.init { query in
      guard let found = records[query.name] else { return [query.reply(code: 3)] }
      return [query.reply(found.filter { $0.type == query.type || $0.type == Record.cname || $0.name != nil })]
    }
  }

  static func encode(_ name: String) -> [UInt8] {
    name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
  }

  /// Sockets of TCP and UDP on one port: the kernel chooses one for TCP that another test may use for UDP.
  private static func bound() throws -> (tcp: Int32, udp: Int32, port: UInt16) {
    for _ in 0..<10 {
      let (tcp, port) = try Self.bound(Int32(SOCK_STREAM.rawValue), port: 0)
      do {
        return (tcp, try Self.bound(Int32(SOCK_DGRAM.rawValue), port: port).descriptor, port)
      } catch let error as POSIXError where error.code == .EADDRINUSE {
        close(tcp)
      }
    }
    throw POSIXError(.EADDRINUSE)
  }

  private static func bound(_ type: Int32, port: UInt16) throws -> (descriptor: Int32, port: UInt16) {
    let descriptor = socket(AF_INET, type | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard result else {
      defer { close(descriptor) }
      throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
    }
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }

  private static func serve(_ udp: Int32, _ tcp: Int32, _ asked: Asked, _ handler: Handler) {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while !asked.isOver.load(ordering: .relaxed) {
      var polled = [
        pollfd(fd: udp, events: Int16(POLLIN), revents: 0), pollfd(fd: tcp, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&polled, 2, 20) > 0 else { continue }
      if polled[0].revents != 0 {
        var from = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        withUnsafeMutablePointer(to: &from) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            let count = recvfrom(udp, &buffer, buffer.count, 0, address, &length)
            asked.datagrams.add(1, ordering: .relaxed)
            guard count > 0, let query = Query(Array(buffer.prefix(count)), isTCP: false) else { return }
            asked.names.withLock { $0.append(query.name) }
            for answer in handler(query) { sendto(udp, answer, answer.count, 0, address, length) }
          }
        }
      }
      if polled[1].revents != 0 {
        let client = accept(tcp, nil, nil)
        defer { close(client) }
        let count = recv(client, &buffer, buffer.count, 0)
        guard count > 2, let query = Query(Array(buffer[2..<count]), isTCP: true) else { continue }
        asked.names.withLock { $0.append(query.name) }
        for answer in handler(query) {
          let framed = [UInt8(answer.count >> 8), UInt8(answer.count & 255)] + answer
          send(client, framed, framed.count, Int32(MSG_NOSIGNAL))
        }
      }
    }
  }
}
