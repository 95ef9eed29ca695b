import Glibc
import LinuxIO
import P2PCore

extension SocketAddress {
  /// Nil when the zone names no interface of this host.
  init?(_ endpoint: IPEndpoint) {
    var scope: UInt32 = 0
    if let zone = endpoint.zone {
      scope = UInt32(zone) ?? if_nametoindex(zone)
      if scope == 0 { return nil }
    }
    self.init(address: endpoint.address, port: endpoint.port, scope: scope)
  }

  var endpoint: IPEndpoint {
    var zone: String?
    if self.scope != 0 {
      var name = [CChar](repeating: 0, count: Int(IF_NAMESIZE))
      zone =
        if_indextoname(self.scope, &name) == nil
        ? String(self.scope) : name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
    return IPEndpoint(address: self.address, port: self.port, zone: zone)
  }

  var multiaddr: Multiaddr { Multiaddr(quic: self.endpoint) }
}
