/// What messages of an rtnetlink socket may mean for a node (rtnetlink(7)).
package struct NetlinkNews: OptionSet, Sendable {
  package let rawValue: UInt8
  package init(rawValue: UInt8) { self.rawValue = rawValue }

  /// A link or an address: whether anything is different, only a look at the interfaces tells. A scan for wireless
  /// networks and a router advertisement that prolongs an address come as such messages, too.
  package static let interfaces = NetlinkNews(rawValue: 1 << 0)
  /// A route that packets to others may take came, went or changed.
  package static let routes = NetlinkNews(rawValue: 1 << 1)
  /// Messages were lost or cannot be read: anything may have changed.
  package static let lost = NetlinkNews(rawValue: 1 << 2)

  /// Of one or more messages in a row, as the kernel sends them.
  package init(messages bytes: UnsafeRawBufferPointer) {
    self = []
    // Every message has at least a header, so that the bytes bound the turns.
    var offset = 0
    while offset < bytes.count {
      guard bytes.count - offset >= Netlink.headerBytes else { break }
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      guard length >= Netlink.headerBytes, length <= bytes.count - offset else { break }
      let type = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self)
      let body = UnsafeRawBufferPointer(rebasing: bytes[(offset + Netlink.headerBytes)..<(offset + length)])
      self.formUnion(Self.news(of: type, body))
      // Messages begin at multiples of four bytes; the last one need not be filled up.
      offset += min((length + 3) & ~3, bytes.count - offset)
    }
    if offset < bytes.count { self.insert(.lost) }
  }

  private static func news(of type: UInt16, _ body: UnsafeRawBufferPointer) -> NetlinkNews {
    switch type {
    case Netlink.newLink, Netlink.deleteLink, Netlink.newAddress, Netlink.deleteAddress: .interfaces
    case Netlink.newRoute, Netlink.deleteRoute: Self.news(ofRoute: body)
    case Netlink.overrun: .lost
    default: []
    }
  }

  /// `rtmsg`: family, destination and source length, TOS, table, protocol, scope, type, a byte each, then 32 bits of
  /// flags.
  private static func news(ofRoute body: UnsafeRawBufferPointer) -> NetlinkNews {
    guard body.count >= 12 else { return .lost }
    let flags = body.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
    // The local table follows the addresses, and clones are the route cache.
    guard body[4] != Netlink.localTable, flags & Netlink.clonedRoute == 0 else { return [] }
    return Netlink.routeTypes.contains(body[7]) ? .routes : []
  }
}

/// Numbers of linux/netlink.h and linux/rtnetlink.h.
private enum Netlink {
  static let headerBytes = 16
  static let overrun: UInt16 = 4
  static let newLink: UInt16 = 16
  static let deleteLink: UInt16 = 17
  static let newAddress: UInt16 = 20
  static let deleteAddress: UInt16 = 21
  static let newRoute: UInt16 = 24
  static let deleteRoute: UInt16 = 25
  static let localTable: UInt8 = 255
  static let clonedRoute: UInt32 = 0x200
  /// Unicast, blackhole, unreachable, prohibit.
  static let routeTypes: Set<UInt8> = [1, 6, 7, 8]
}
