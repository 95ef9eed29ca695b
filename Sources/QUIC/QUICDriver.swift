import CLinux
import CNgtcp2
import Glibc
import LinuxIO
import P2PCore

/// Joins an endpoint to its sockets and its event loop. Everything runs on the loop's thread.
final class QUICDriver: EventLoopParticipant, DatagramSink, @unchecked Sendable {
  // Guard: the loop's thread; `init` happens before it.

  private static let errorsPerTurnMax = 64

  let loop: EventLoop
  var endpoint: QUICEndpoint!
  /// Hears of changes of the network; nil where nobody follows them.
  var watch: NetworkWatch?
  private var sockets: [Int32: UDPSocket] = [:]
  /// In the order in which they were made.
  private var order: [UDPSocket] = []
  /// Descriptors of those that were made for dialling.
  private var dialOnly: Set<Int32> = []
  /// Of this machine, as they were last read.
  var interfaces: [InterfaceAddress] = []
  /// Addresses that this machine had and that connections still have, port 0.
  private var gone: Set<SocketAddress> = []
  private let receiver = UDPReceiver()
  /// A burst that did not fit into a socket's buffer.
  private var held: Held?

  private struct Held {
    var bytes: [UInt8]
    var segment: Int
    var route: cng_route
    var socket: UDPSocket
  }

  init(loop: EventLoop) { self.loop = loop }

  func add(_ socket: UDPSocket) {
    self.sockets[socket.descriptor] = socket
    self.order.append(socket)
    self.loop.register(socket.descriptor, events: EPOLLIN.rawValue, for: self)
  }

  /// Closes a socket; `leavePaths` looks after its connections.
  func remove(_ socket: UDPSocket) {
    self.loop.unregister(socket.descriptor)
    self.sockets[socket.descriptor] = nil
    self.order.removeAll { $0 === socket }
    guard self.held?.socket === socket else { return }
    self.held = nil
    self.endpoint.unblock()
  }

  /// Moves or ends the connections whose local address has no socket or is not of this machine any more.
  func leavePaths(after change: NetworkChange) {
    self.interfaces = change.after
    self.gone = self.gone.union(change.gone).subtracting(change.after.map(\.address))
    let left = self.endpoint.leavePaths(
      unless: { self.isUsable($0) },
      moveTo: { remote in
        do throws(DialError) { return try self.localAddress(towards: remote) } catch { return nil }
      }, now: monotonicNow())
    // Bounded by the connections there are.
    self.gone.formIntersection(left.map(\.withoutPort))
  }

  private func isUsable(_ local: SocketAddress) -> Bool {
    !self.gone.contains(local.withoutPort) && self.socket(for: local) != nil
  }

  func closeSockets() {
    for socket in self.order { self.loop.unregister(socket.descriptor) }
    if let watch = self.watch { self.loop.remove(watch) }
    self.watch = nil
    self.sockets = [:]
    self.order = []
    self.dialOnly = []
    self.held = nil
  }

  // MARK: EventLoopParticipant

  func ready(descriptor: Int32, events: UInt32) {
    guard let socket = self.sockets[descriptor] else { return }
    if events & EPOLLERR.rawValue != 0 { self.readErrors(socket) }
    if events & EPOLLOUT.rawValue != 0 { self.sendHeld(socket) }
    if events & (EPOLLIN.rawValue | EPOLLERR.rawValue) != 0 { self.readDatagrams(socket) }
  }

  func turn(now: MonotonicNanoseconds) -> MonotonicNanoseconds {
    self.endpoint.turn(now: now)
  }

  /// One batch: the answers to it go out, and readers take what came, before the next is fetched. Draining the socket
  /// first would make both ends work in turns instead of at the same time.
  private func readDatagrams(_ socket: UDPSocket) {
    let now = monotonicNow()
    do throws(SystemError) {
      try self.receiver.receive(from: socket) { message in
        let bytes = UnsafeRawBufferPointer(start: message.pointee.data, count: message.pointee.length)
        self.endpoint.receive(
          bytes, segment: message.pointee.segment, local: message.pointee.local, remote: message.pointee.remote,
          ecn: message.pointee.ecn, now: now)
      }
    } catch {
      // Nothing that a receive can report concerns one connection only; epoll comes back if there is more.
    }
  }

  private func readErrors(_ socket: UDPSocket) {
    let now = monotonicNow()
    for _ in 0..<QUICDriver.errorsPerTurnMax {
      guard let (remote, errno) = socket.nextError() else { return }
      guard errno == ECONNREFUSED || errno == EHOSTUNREACH || errno == ENETUNREACH || errno == EACCES else { continue }
      self.endpoint.unreachable(remote, error: DialError(errno: errno, remote: remote), now: now)
    }
  }

  // MARK: DatagramSink

  func send(_ bytes: UnsafeRawBufferPointer, segment: Int, route: borrowing cng_route) -> Bool {
    let local = SocketAddress(raw: route.local)
    let remote = SocketAddress(raw: route.remote)
    guard let socket = self.socket(for: local) else { return true }
    switch socket.send(bytes, segment: segment, to: remote, from: local, ecn: route.ecn) {
    case .sent: return true
    case .lost(let errno):
      // No route: the dial need not wait for its timeout. Anything else is loss, which QUIC repairs.
      if errno == ENETUNREACH || errno == EHOSTUNREACH || errno == EACCES || errno == EPERM {
        let error = DialError(errno: errno, remote: remote)
        self.loop.execute { self.endpoint.unreachable(remote, error: error, now: monotonicNow()) }
      }
      return true
    case .blocked:
      self.held = Held(
        bytes: Array(bytes), segment: segment,
        route: cng_route(local: route.local, remote: route.remote, ecn: route.ecn), socket: socket)
      self.loop.register(socket.descriptor, events: EPOLLIN.rawValue | EPOLLOUT.rawValue, for: self)
      return false
    }
  }

  private func sendHeld(_ socket: UDPSocket) {
    guard let held = self.held, held.socket === socket else { return }
    let result = held.bytes.withUnsafeBytes {
      socket.send(
        $0, segment: held.segment, to: SocketAddress(raw: held.route.remote),
        from: SocketAddress(raw: held.route.local),
        ecn: held.route.ecn)
    }
    if result == .blocked { return }
    self.held = nil
    self.loop.register(socket.descriptor, events: EPOLLIN.rawValue, for: self)
    self.endpoint.unblock()
  }

  // MARK: Choosing a socket

  /// The socket with this local address, or the wildcard one of its port and family.
  private func socket(for local: SocketAddress) -> UDPSocket? {
    var wildcard: UDPSocket?
    for socket in self.order where socket.localAddress.isIPv6 == local.isIPv6 && socket.localAddress.port == local.port
    {
      if socket.localAddress.isWildcard { wildcard = socket } else if socket.localAddress == local { return socket }
    }
    return wildcard
  }

  /// True for addresses of one interface that reach equally far: what the kernel would send from, its first address,
  /// need not be the one that this node listens on.
  private func areNeighbours(_ a: SocketAddress, _ b: SocketAddress) -> Bool {
    guard a.endpoint.isLinkLocal == b.endpoint.isLinkLocal else { return false }
    return self.interfaces.contains { item in
      item.address == a.withoutPort
        && self.interfaces.contains { $0.interface == item.interface && $0.address == b.withoutPort }
    }
  }

  /// Where to dial `remote` from: a listening socket, so that the address that the remote sees is one that it can dial
  /// back; where none fits, a socket made for it. Throws when there is no route.
  func localAddress(towards remote: SocketAddress) throws(DialError) -> SocketAddress {
    guard var source = remote.source else { throw DialError(errno: ENETUNREACH, remote: remote) }
    var wildcard: UDPSocket?
    var neighbour: UDPSocket?
    for socket in self.order where socket.localAddress.isIPv6 == remote.isIPv6 {
      if socket.localAddress.isWildcard {
        // One made for dialling is not what others dial.
        if wildcard.map({ self.dialOnly.contains($0.descriptor) }) ?? true { wildcard = socket }
      } else if socket.localAddress.address == source.address {
        return socket.localAddress
      } else if neighbour == nil, self.areNeighbours(socket.localAddress, source) {
        neighbour = socket
      }
    }
    if let neighbour, wildcard.map({ self.dialOnly.contains($0.descriptor) }) ?? true { return neighbour.localAddress }
    if let wildcard {
      source.port = wildcard.localAddress.port
      return source
    }
    // Listening elsewhere only (loopback, say): one more socket for this family.
    let any = [UInt8](repeating: 0, count: remote.isIPv6 ? 16 : 4)
    guard let address = SocketAddress(address: any, port: 0) else { return source }
    do throws(SystemError) {
      let socket = try UDPSocket(bind: address)
      self.add(socket)
      self.dialOnly.insert(socket.descriptor)
      source.port = socket.localAddress.port
      return source
    } catch {
      throw DialError(.noRoute, "no socket towards \(remote.multiaddr): \(error)", temporary: true)
    }
  }
}
