import CLinux
import Testing

@testable import LinuxIO

@Suite struct UDPSocketTests {
  static let loopbacks: [[UInt8]] = [[127, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]]

  @Test("without segmentation offload a burst goes out datagram by datagram", arguments: loopbacks)
  func oneByOne(_ loopback: [UInt8]) throws {
    let a = try UDPSocket(bind: SocketAddress(address: loopback, port: 0)!)
    let b = try UDPSocket(bind: SocketAddress(address: loopback, port: 0)!)
    a.canSegment = false
    let bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
    let sent = bytes.withUnsafeBytes { a.send($0, segment: 1200, to: b.localAddress, from: a.localAddress, ecn: 0) }
    #expect(sent == .sent)
    var got: [UInt8] = []
    let receiver = UDPReceiver()
    for _ in 0..<10_000 where got.count < 3000 {
      _ = try receiver.receive(from: b) { message in
        #expect(message.pointee.length <= 1200)
        got += UnsafeBufferPointer(start: message.pointee.data, count: message.pointee.length)
      }
    }
    #expect(got == bytes)
  }

  @Test("a port that is taken and an address that is not here are errors in the system's words")
  func bindFails() throws {
    let first = try UDPSocket(bind: SocketAddress(address: [127, 0, 0, 1], port: 0)!)
    for (address, words) in [
      (first.localAddress, "Address already in use"),
      (SocketAddress(address: [192, 0, 2, 1], port: 0)!, "Cannot assign requested address"),
    ] {
      do {
        _ = try UDPSocket(bind: address)
        Issue.record("it was bound")
      } catch {
        #expect("\(error)".contains(words))
      }
    }
  }

  @Test("addresses are equal when family, address, port and zone are")
  func equality() throws {
    let six: [UInt8] = [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1]
    let all = [
      SocketAddress(address: [127, 0, 0, 1], port: 1), SocketAddress(address: [127, 0, 0, 1], port: 2),
      SocketAddress(address: [127, 0, 0, 2], port: 1), SocketAddress(address: six, port: 1),
      SocketAddress(address: six, port: 2), SocketAddress(address: six, port: 1, scope: 3),
    ].compactMap { $0 }
    #expect(Set(all).count == 6)
    for address in all {
      var same = address
      same.port = 9
      #expect(same != address && same.port == 9 && same.address == address.address)
      same.port = address.port
      #expect(Set([same, address]).count == 1)
      #expect(!address.isWildcard)
    }
    #expect(SocketAddress(address: [1, 2, 3], port: 1) == nil)
    #expect(SocketAddress(address: [UInt8](repeating: 0, count: 16), port: 1)?.isWildcard == true)
    #expect(SocketAddress(address: [127, 0, 0, 1], port: 5)?.source?.address == [127, 0, 0, 1])
  }

  @Test("a burst crosses loopback in one call and keeps its segments, ECN and addresses", arguments: loopbacks)
  func burst(_ loopback: [UInt8]) throws {
    let a = try UDPSocket(bind: SocketAddress(address: loopback, port: 0)!)
    let b = try UDPSocket(bind: SocketAddress(address: loopback, port: 0)!)
    let bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0) }
    let sent = bytes.withUnsafeBytes {
      a.send($0, segment: 1200, to: b.localAddress, from: a.localAddress, ecn: 2)
    }
    #expect(sent == .sent)
    var got: [UInt8] = []
    var segments: [Int] = []
    var rounds = 0
    let receiver = UDPReceiver()
    while got.count < 3000, rounds < 10_000 {
      rounds += 1
      _ = try receiver.receive(from: b) { message in
        #expect(message.pointee.ecn == 2)
        #expect(SocketAddress(raw: message.pointee.remote) == a.localAddress)
        #expect(SocketAddress(raw: message.pointee.local) == b.localAddress)
        segments.append(message.pointee.segment)
        got += UnsafeBufferPointer(start: message.pointee.data, count: message.pointee.length)
      }
    }
    #expect(got == bytes)
    #expect(segments.first == 1200)
  }

  @Test("a closed port is reported with the address that refused")
  func refused() throws {
    let a = try UDPSocket(bind: SocketAddress(address: [127, 0, 0, 1], port: 0)!)
    var closed = try UDPSocket(bind: SocketAddress(address: [127, 0, 0, 1], port: 0)!).localAddress
    closed.port = closed.port
    _ = [UInt8(1)].withUnsafeBytes { a.send($0, segment: 1, to: closed, from: a.localAddress, ecn: 0) }
    var error: (remote: SocketAddress, errno: Int32)?
    for _ in 0..<10_000 where error == nil { error = a.nextError() }
    #expect(error?.remote == closed)
    #expect(error?.errno == 111)
  }

  @Test("a datagram beyond the interface's size counts as lost, and the socket goes on")
  func tooLarge() throws {
    let a = try UDPSocket(bind: SocketAddress(address: [127, 0, 0, 1], port: 0)!)
    let huge = [UInt8](repeating: 0, count: 70_000)
    let result = huge.withUnsafeBytes { a.send($0, segment: 70_000, to: a.localAddress, from: a.localAddress, ecn: 0) }
    #expect(result == .lost(errno: 90))
    #expect(
      [UInt8(1)].withUnsafeBytes { a.send($0, segment: 1, to: a.localAddress, from: a.localAddress, ecn: 0) } == .sent)
  }

  @Test("the source address towards loopback is loopback")
  func source() {
    #expect(SocketAddress(address: [127, 0, 0, 1], port: 9)!.source?.address == [127, 0, 0, 1])
  }
}
