/// Whom a blocklist refuses: a peer, or all that comes from an address or a network.
package enum BlockEntry: Hashable, Sendable, Comparable, CustomStringConvertible {
  case peer(PeerID)
  case network(IPNetwork)

  /// Longest text taken, bytes; a peer id in base32 has 75.
  package static let textSizeMaximum = 128

  /// Reads a peer id in any of its forms, an IP address, or a network: `10.0.0.0/8`, `2001:db8::/32`.
  package init(_ text: String) throws(BlockEntryError) {
    guard text.utf8.count <= Self.textSizeMaximum else {
      throw BlockEntryError("\(quoted(text)) is longer than \(Self.textSizeMaximum) bytes")
    }
    let characters = Array(text.utf8)
    guard characters.contains(where: { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") }) else {
      do {
        self = .peer(try PeerID(text))
      } catch {
        throw BlockEntryError("\(error); an entry is a peer id, an IP address or a network like 10.0.0.0/8")
      }
      return
    }
    self = .network(try Self.network(characters, text))
  }

  private static func network(_ characters: [UInt8], _ text: String) throws(BlockEntryError) -> IPNetwork {
    let host = characters.prefix { $0 != UInt8(ascii: "/") }
    guard let address = IPText.ipv4(host) ?? IPText.ipv6(host) else {
      throw BlockEntryError("\(quoted(text)) has no IP address, like 10.0.0.1 or 2001:db8::1; zones and ports stay out")
    }
    let bits = address.count * 8
    var prefixLength = bits
    if host.count < characters.count {
      guard let length = IPText.decimal(characters[(host.count + 1)...], maximum: bits) else {
        throw BlockEntryError("\(quoted(text)) has no prefix length of 0 to \(bits) behind its slash")
      }
      prefixLength = length
    }
    let network = IPNetwork(of: address, prefixLength: prefixLength)
    guard network.address == address else {
      throw BlockEntryError(
        "\(quoted(text)) has bits set past its prefix; write \(network), or \(IPText.format(address)) for it alone")
    }
    // Addresses are matched as IPv4 where they are IPv4, so this would never match.
    let mapped = IPEndpoint.unmapped(address)
    guard mapped.count == address.count else {
      let mended = IPNetwork(of: mapped, prefixLength: max(prefixLength - 96, 0))
      throw BlockEntryError("\(quoted(text)) is IPv4 in IPv6 form; write \(mended)")
    }
    return network
  }

  /// The canonical text.
  package var description: String {
    switch self {
    case .peer(let peer): peer.description
    case .network(let network): network.description
    }
  }

  /// Peers first, then networks.
  package static func < (left: BlockEntry, right: BlockEntry) -> Bool {
    switch (left, right) {
    case (.peer(let left), .peer(let right)): left.bytes.lexicographicallyPrecedes(right.bytes)
    case (.network(let left), .network(let right)): left < right
    case (.peer, .network): true
    case (.network, .peer): false
    }
  }
}

/// Text that is no entry of a blocklist, or an entry that it cannot take.
package struct BlockEntryError: Error, Sendable, Hashable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
