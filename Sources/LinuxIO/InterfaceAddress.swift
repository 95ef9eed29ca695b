import CLinux
import Glibc

/// One address of one interface of this machine, in its network namespace.
package struct InterfaceAddress: Hashable, Sendable {
  /// `eth0`
  package var interface: String
  /// Port 0; with the interface's index for link-local IPv6.
  package var address: SocketAddress
  /// The interface is up.
  package var isUp: Bool
  /// The interface has a carrier.
  package var isRunning: Bool

  package init(interface: String, address: SocketAddress, isUp: Bool = true, isRunning: Bool = true) {
    self.interface = interface
    self.address = address
    self.isUp = isUp
    self.isRunning = isRunning
  }

  /// All that can be used, in the kernel's order.
  package static func all() throws(SystemError) -> [InterfaceAddress] {
    var first: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&first) == 0 else { throw SystemError("getifaddrs", errno: errno) }
    defer { freeifaddrs(first) }
    var found: [InterfaceAddress] = []
    var next = first
    while let entry = next {
      next = entry.pointee.ifa_next
      guard let address = entry.pointee.ifa_addr, let name = entry.pointee.ifa_name else { continue }
      var raw = clinux_address()
      switch Int32(address.pointee.sa_family) {
      case AF_INET:
        raw.length = UInt32(MemoryLayout<sockaddr_in>.size)
      case AF_INET6:
        raw.length = UInt32(MemoryLayout<sockaddr_in6>.size)
      default:
        continue
      }
      memcpy(&raw.u, address, Int(raw.length))
      // An IPv4 address may have a label of its own, `eth0:1`; names of interfaces have no colon.
      let interface = String(cString: name).prefix { $0 != ":" }
      found.append(
        InterfaceAddress(
          interface: String(interface), address: SocketAddress(raw: raw),
          isUp: entry.pointee.ifa_flags & UInt32(IFF_UP) != 0,
          isRunning: entry.pointee.ifa_flags & UInt32(IFF_RUNNING) != 0))
    }
    let tentative = TentativeAddresses(contents: TentativeAddresses.read())
    return found.filter { !tentative.contains($0) }
  }
}
