package import CLinux
import Glibc

/// A bound, non-blocking UDP socket with GRO, segmentation offload, ECN and packet information.
///
/// Not thread-safe; its owner uses it on one thread.
package final class UDPSocket {
  /// What is asked of the kernel for each direction, bytes: about 15 ms at 4 Gbit/s.
  package static let bufferBytes = 8 << 20

  package let descriptor: Int32
  package let localAddress: SocketAddress
  /// What the kernel granted, bytes.
  package let receiveBufferBytes: Int
  /// False once the kernel or a device refused UDP_SEGMENT; then bursts go out one by one.
  var canSegment = true

  package init(bind address: SocketAddress, reusePort: Bool = false) throws(SystemError) {
    var granted: Int32 = 0
    let descriptor = withUnsafePointer(to: address.raw) {
      clinux_udp_open($0, reusePort ? 1 : 0, Int32(UDPSocket.bufferBytes), &granted)
    }
    if descriptor < 0 { throw SystemError("bind", errno: -descriptor) }
    var bound = clinux_address()
    let result = clinux_udp_local(descriptor, &bound)
    if result < 0 {
      close(descriptor)
      throw SystemError("getsockname", errno: -result)
    }
    self.descriptor = descriptor
    self.localAddress = SocketAddress(raw: bound)
    self.receiveBufferBytes = Int(granted)
  }

  deinit { close(self.descriptor) }

  /// How a send went.
  package enum SendResult: Equatable {
    case sent
    /// The socket's buffer is full: try again when it is writable.
    case blocked
    /// These datagrams are gone as if the network had lost them (`EMSGSIZE`, `ENOBUFS`, no route, …).
    case lost(errno: Int32)
  }

  /// Sends `bytes` as datagrams of `segment` bytes (the last may be shorter) with one system call.
  package func send(
    _ bytes: UnsafeRawBufferPointer, segment: Int, to remote: SocketAddress, from local: SocketAddress, ecn: UInt8
  ) -> SendResult {
    guard self.canSegment || bytes.count <= segment else {
      return self.sendOneByOne(bytes, segment: segment, to: remote, from: local, ecn: ecn)
    }
    let result = self.sendOnce(bytes, segment: segment, to: remote, from: local, ecn: ecn)
    // EIO: the device cannot checksum segments; EINVAL: a kernel without UDP_SEGMENT.
    if case .lost(let error) = result, bytes.count > segment, error == EIO || error == EINVAL {
      let other = self.sendOneByOne(bytes, segment: segment, to: remote, from: local, ecn: ecn)
      // Refused in single datagrams as well: it is something else, a source address that is gone, say.
      if other != result { self.canSegment = false }
      return other
    }
    return result
  }

  private func sendOnce(
    _ bytes: UnsafeRawBufferPointer, segment: Int, to remote: SocketAddress, from local: SocketAddress, ecn: UInt8
  ) -> SendResult {
    let result = withUnsafePointer(to: remote.raw) { to in
      withUnsafePointer(to: local.raw) { from in
        clinux_udp_send(
          self.descriptor, to, from, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, segment, ecn)
      }
    }
    switch -result {
    case 0: return .sent
    case EAGAIN: return .blocked
    case let error: return .lost(errno: error)
    }
  }

  private func sendOneByOne(
    _ bytes: UnsafeRawBufferPointer, segment: Int, to remote: SocketAddress, from local: SocketAddress, ecn: UInt8
  ) -> SendResult {
    var start = 0
    var result = SendResult.sent
    while start < bytes.count {
      let end = min(start + segment, bytes.count)
      result = self.sendOnce(
        UnsafeRawBufferPointer(rebasing: bytes[start..<end]), segment: segment, to: remote, from: local, ecn: ecn)
      // A full buffer loses the rest of the burst; QUIC's loss recovery sends it again.
      if result == .blocked { return start == 0 ? .blocked : .sent }
      start = end
    }
    return result
  }

  /// Takes one ICMP error off the socket's error queue: where the datagram went, and the errno.
  package func nextError() -> (remote: SocketAddress, errno: Int32)? {
    var remote = clinux_address()
    let error = clinux_udp_error(self.descriptor, &remote)
    return error > 0 ? (SocketAddress(raw: remote), error) : nil
  }
}

/// Buffers for receiving: one set serves all sockets of a thread.
package final class UDPReceiver {
  private let receiver: OpaquePointer
  private let messages: UnsafeMutablePointer<clinux_message>

  package init() {
    guard let receiver = clinux_receiver_new() else { preconditionFailure("out of memory") }
    self.receiver = receiver
    self.messages = .allocate(capacity: Int(CLINUX_BATCH))
  }

  deinit {
    clinux_receiver_free(self.receiver)
    self.messages.deallocate()
  }

  /// Receives one batch and hands each message to `body`. Returns how many there were; 0 means that the socket is empty.
  /// The bytes are valid only within `body`.
  @discardableResult
  package func receive(
    from socket: UDPSocket, _ body: (UnsafePointer<clinux_message>) -> Void
  ) throws(SystemError) -> Int {
    let count = withUnsafePointer(to: socket.localAddress.raw) {
      clinux_udp_receive(socket.descriptor, self.receiver, $0, self.messages)
    }
    if count < 0 { throw SystemError("recvmmsg", errno: -count) }
    for index in 0..<Int(count) { body(self.messages + index) }
    return Int(count)
  }
}
