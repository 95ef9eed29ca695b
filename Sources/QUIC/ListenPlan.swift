import LinuxIO
import P2PCore

/// Which sockets listen: the configured addresses, where 0.0.0.0 and `::` stand for the addresses of the named
/// interfaces, if any are named.
///
/// Link-local IPv6 addresses of an interface are left out: others cannot dial them without a zone of their own. Who
/// wants to listen on one names it, `/ip6zone/eth0/ip6/fe80::1/udp/9000/quic-v1`.
struct ListenPlan: Sendable, Equatable {
  /// Sockets of one node.
  static let listenersMax = 64

  /// A socket that is to listen.
  struct Listener: Sendable, Equatable {
    var address: Multiaddr
    /// Port 0 is any free one.
    var socket: SocketAddress

    init(address: Multiaddr, socket: SocketAddress) {
      self.address = address
      self.socket = socket
    }
  }

  private(set) var listeners: [Listener] = []
  /// Configured addresses of which something cannot be listened on now, with the reason.
  private(set) var faults: [ListenerStatus] = []

  /// - Parameter interfaces: names; empty takes all addresses as they are.
  /// - Parameter found: what this machine has.
  init(addresses: [Multiaddr], interfaces: [String], found: [InterfaceAddress]) {
    var endpoints: [(configured: Multiaddr, endpoint: IPEndpoint)] = []
    for address in addresses {
      do throws(DialError) {
        endpoints.append((address, try address.listenTarget()))
      } catch {
        self.faults.append(ListenerStatus(address: address, error: error.detail))
      }
    }
    let usable = found.filter { !($0.address.isIPv6 && AddressScope(ip: $0.address.address) == .linkLocal) }
    // An interface with addresses of one family only is whole where both are asked for.
    let missing = interfaces.filter { name in
      !usable.contains { item in
        item.interface == name
          && endpoints.contains { $0.endpoint.isUnspecified && $0.endpoint.isIPv6 == item.address.isIPv6 }
      }
    }
    for (configured, endpoint) in endpoints {
      guard endpoint.isUnspecified, !interfaces.isEmpty else {
        self.add(configured, SocketAddress(endpoint))
        continue
      }
      for item in usable where interfaces.contains(item.interface) && item.address.isIPv6 == endpoint.isIPv6 {
        var socket = item.address
        socket.port = endpoint.port
        self.add(socket.multiaddr, socket)
      }
      if !missing.isEmpty {
        self.faults.append(
          ListenerStatus(
            address: configured,
            error: missing.map { "\($0): no such interface, or it has no address to listen on" }
              .joined(separator: "; ")))
      }
    }
    if self.listeners.count > ListenPlan.listenersMax {
      for listener in self.listeners[ListenPlan.listenersMax...] {
        self.faults.append(
          ListenerStatus(
            address: listener.address, error: "more than \(ListenPlan.listenersMax) addresses to listen on"))
      }
      self.listeners.removeSubrange(ListenPlan.listenersMax...)
    }
  }

  private mutating func add(_ address: Multiaddr, _ socket: SocketAddress?) {
    guard let socket else {
      self.faults.append(
        ListenerStatus(address: address, error: "\(address) names a zone that is no interface of this host"))
      return
    }
    // An address may stand on two interfaces, or be configured by itself as well.
    if self.listeners.contains(where: { $0.socket == socket }) { return }
    self.listeners.append(Listener(address: address, socket: socket))
  }
}
