import CLinux
import Glibc

/// Addresses of the interfaces that are up: address bytes and, for link-local IPv6, the interface's index.
package func interfaceAddresses() -> [SocketAddress] {
  var first: UnsafeMutablePointer<ifaddrs>?
  guard getifaddrs(&first) == 0 else { return [] }
  defer { freeifaddrs(first) }
  var found: [SocketAddress] = []
  var next = first
  while let entry = next {
    next = entry.pointee.ifa_next
    guard entry.pointee.ifa_flags & UInt32(IFF_UP) != 0, let address = entry.pointee.ifa_addr else { continue }
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
    found.append(SocketAddress(raw: raw))
  }
  return found
}
