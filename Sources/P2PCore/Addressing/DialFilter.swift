/// Which IP addresses a node dials.
package struct DialFilter: Sendable, Hashable {
  /// Whether addresses of private networks are dialled. `network.dial_private`.
  package var allowsPrivate = true

  package init() {}

  package init(allowsPrivate: Bool) { self.allowsPrivate = allowsPrivate }

  /// Why `endpoint` is not dialled; nil when it is. Loopback is: who names it means this machine.
  package func refusal(of endpoint: IPEndpoint) -> DialError? {
    let text = endpoint.addressText
    switch endpoint.scope {
    case .loopback, .global:
      return nil
    case .privateUse where self.allowsPrivate:
      return nil
    case .privateUse:
      return Self.refused(
        .noRoute, text, "is a private address, and network.dial_private is false; set it to true to dial those")
    case .linkLocal where endpoint.zone != nil:
      return nil
    case .linkLocal where endpoint.isIPv6 && !endpoint.isIPv4Mapped:
      return Self.refused(.invalidAddress, text, "is link-local and needs its interface, /ip6zone/eth0/ip6/\(text)/…")
    case .linkLocal:
      return Self.refused(
        .noRoute, text, "is link-local, and IPv4 cannot say on which interface; use another address of this peer")
    case .unspecified:
      return Self.refused(.invalidAddress, text, "can be listened on, but names no host to dial")
    case .multicast, .broadcast:
      return Self.refused(.invalidAddress, text, "names many hosts; use an address of this peer alone")
    }
  }

  private static func refused(_ class: DialErrorClass, _ address: String, _ why: String) -> DialError {
    DialError(`class`, "\(address) \(why)", temporary: false)
  }
}
