import Glibc
import LinuxIO
import P2PCore

/// The listening sockets of a transport: makes them what the plan says. Used on the loop's thread.
final class ListenerSet: @unchecked Sendable {
  // Guard: the loop's thread.

  private let driver: QUICDriver
  private let addresses: [Multiaddr]
  private let interfaces: [String]
  private var bound: [SocketAddress: UDPSocket] = [:]
  /// What became of every address of the plan, in its order.
  private(set) var statuses: [ListenerStatus] = []

  init(driver: QUICDriver, addresses: [Multiaddr], interfaces: [String]) {
    self.driver = driver
    self.addresses = addresses
    self.interfaces = interfaces
  }

  /// What the sockets are bound to, ports resolved.
  private(set) var boundAddresses: [Multiaddr] = []

  /// The receive buffer of the smallest socket, bytes.
  var receiveBufferBytes: Int? { self.bound.values.map(\.receiveBufferBytes).min() }

  /// True while an interface or its address is waited for: nothing bound is no reason to give up.
  private(set) var isWaiting = false

  /// At the end; the driver closes them.
  func releaseSockets() { self.bound = [:] }

  /// Binds what is missing, failed before or came new, and closes what is not to listen any more.
  ///
  /// - Returns: what is different, in this order: closed, failed, listening.
  func follow(_ found: [InterfaceAddress]) -> [TransportEvent] {
    let plan = ListenPlan(addresses: self.addresses, interfaces: self.interfaces, found: found)
    let before = self.statuses
    var statuses: [ListenerStatus] = []
    var added: [ListenerStatus] = []
    let planned = Set(plan.listeners.map(\.socket))
    // First, as the new ones may want their ports.
    for (address, socket) in self.bound where !planned.contains(address) {
      self.bound[address] = nil
      self.driver.remove(socket)
    }
    var boundAddresses: [Multiaddr] = []
    var isWaiting = !plan.faults.isEmpty
    for listener in plan.listeners {
      do throws(SystemError) {
        let status = ListenerStatus(address: listener.address, error: nil)
        if let socket = self.bound[listener.socket] {
          boundAddresses.append(socket.localAddress.multiaddr)
        } else {
          let socket = try UDPSocket(bind: listener.socket)
          self.bound[listener.socket] = socket
          self.driver.add(socket)
          boundAddresses.append(socket.localAddress.multiaddr)
          added.append(status)
        }
        statuses.append(status)
      } catch {
        // It was gone in the same moment, say: its going is told next.
        if error.errno == EADDRNOTAVAIL { isWaiting = true }
        statuses.append(ListenerStatus(address: listener.address, error: "\(error)"))
      }
    }
    statuses += plan.faults
    let failed = statuses.filter { $0.error != nil && !before.contains($0) }
    let removed = before.filter { status in
      status.error == nil && !statuses.contains { $0.address == status.address }
    }
    self.isWaiting = isWaiting && !self.interfaces.isEmpty
    self.statuses = statuses
    self.boundAddresses = boundAddresses
    return removed.map { .listenerFailed(ListenerStatus(address: $0.address, error: "address gone")) }
      + failed.map { .listenerFailed($0) } + added.map { .listenerAdded($0) }
  }
}
