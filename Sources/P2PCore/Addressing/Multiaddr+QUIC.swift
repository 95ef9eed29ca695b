extension Multiaddr {
  /// What a node that speaks only QUIC v1 does with this address, or a refusal with the contract's class
  /// (`invalid_address`, `unsupported_transport`) that says what it is and what would do.
  package func quicTarget() throws(DialError) -> QUICTarget {
    let place = try self.quicPlace()
    if place.port == 0 { throw self.invalid("port 0 can be listened on, but not dialled") }
    switch place.host.protocol {
    case .dns: return .name(try self.hostName(place), family: .any, port: place.port ?? 0)
    case .dns4: return .name(try self.hostName(place), family: .ipv4, port: place.port ?? 0)
    case .dns6: return .name(try self.hostName(place), family: .ipv6, port: place.port ?? 0)
    case .dnsaddr: return .dnsaddr(try self.hostName(place))
    default:
      let endpoint = try self.endpoint(place)
      if endpoint.isUnspecified {
        throw self.invalid("\(endpoint.addressText) can be listened on, but names no host to dial")
      }
      return .endpoint(endpoint)
    }
  }

  /// Where to listen: an IP address, unspecified for all interfaces, and a port, 0 for any.
  package func listenTarget() throws(DialError) -> IPEndpoint {
    let place = try self.quicPlace()
    guard place.host.protocol == .ip4 || place.host.protocol == .ip6 else {
      throw self.invalid("to listen, give an IP address, e.g. \(Self.example)")
    }
    if place.peer != nil { throw self.invalid("to listen, leave out /p2p/…; a node listens as itself") }
    return try self.endpoint(place)
  }

  /// Whether this address, found in a TXT record of `dnsaddr`, ends with all that `dnsaddr` has after its name
  /// (multiformats: multiaddr, dnsaddr). Others are not meant.
  package func isAnswer(to dnsaddr: Multiaddr) -> Bool {
    let wanted = dnsaddr.components.dropFirst()
    return self.components.suffix(wanted.count).elementsEqual(wanted)
  }

  /// The parts of an address of QUIC v1 in their right order.
  private struct QUICPlace {
    var zone: String?
    var host: MultiaddrComponent
    /// Nil only with `dnsaddr`.
    var port: UInt16?
    var peer: MultiaddrComponent?
  }

  /// `[/ip6zone] /host /udp /quic-v1 [/p2p]`. The transport is judged first, then the order.
  private func quicPlace() throws(DialError) -> QUICPlace {
    let components = self.components
    try self.checkTransport(components)
    var rest = components[...]
    var zone: String?
    if rest.first?.protocol == .ip6zone {
      zone = rest.removeFirst().text
      guard rest.first?.protocol == .ip6 else {
        throw self.invalid("a zone stands before an ip6, /ip6zone/eth0/ip6/fe80::1/…")
      }
    }
    guard let host = rest.popFirst(), host.protocol.isHost else {
      throw self.invalid("it names no host; an address looks like \(Self.example)")
    }
    var place = QUICPlace(zone: zone, host: host)
    if rest.last?.protocol == .p2p { place.peer = rest.popLast() }
    if let udp = rest.first, udp.protocol == .udp {
      place.port = udp.port
      rest = rest.dropFirst()
    }
    if rest.first?.protocol == .quicV1 { rest = rest.dropFirst() }
    guard rest.isEmpty, place.port != nil || host.protocol == .dnsaddr else {
      throw self.invalid(Self.disorder(rest))
    }
    return place
  }

  /// Refuses what is not QUIC v1.
  private func checkTransport(_ components: [MultiaddrComponent]) throws(DialError) {
    if let foreign = components.last(where: { !Self.isSpoken($0.protocol) }) {
      let titled = components.last { $0.protocol.foreignTransport != nil }
      throw self.unsupported("is \(titled?.protocol.foreignTransport ?? "/" + foreign.protocol.name)", components)
    }
    guard let host = components.first(where: { $0.protocol.isHost }) else { return }
    let hasUDP = components.contains { $0.protocol == .udp }
    let hasQUIC = components.contains { $0.protocol == .quicV1 }
    if hasUDP && !hasQUIC { throw self.unsupported("is bare UDP", components) }
    if !hasUDP && host.protocol != .dnsaddr { throw self.unsupported("names no transport", components) }
  }

  private static func isSpoken(_ kind: MultiaddrProtocol) -> Bool {
    switch kind {
    case .ip4, .ip6, .ip6zone, .ipcidr, .dns, .dns4, .dns6, .dnsaddr, .udp, .quicV1, .p2p: true
    default: false
    }
  }

  /// Says what the first component that is out of place means.
  private static func disorder(_ rest: ArraySlice<MultiaddrComponent>) -> String {
    switch rest.first?.protocol {
    case .p2p: "it names two peers"
    case .ipcidr: "it names a network, not a host"
    case .ip6zone: "the zone must stand before the address, /ip6zone/eth0/ip6/fe80::1/…"
    case .ip4, .ip6, .dns, .dns4, .dns6, .dnsaddr: "it names two hosts"
    default: "its parts are out of order; an address looks like \(Self.example)"
    }
  }

  /// The endpoint of an `ip4` or `ip6`, when it is one that can be a host of ours or of a peer.
  private func endpoint(_ place: QUICPlace) throws(DialError) -> IPEndpoint {
    let endpoint = IPEndpoint(address: place.host.value, port: place.port ?? 0, zone: place.zone)
    if endpoint.isMulticast || endpoint.isBroadcast {
      throw self.invalid("\(endpoint.addressText) is a \(endpoint.isMulticast ? "multicast" : "broadcast") address")
    }
    if endpoint.isIPv4Mapped {
      let mapped = IPText.format(endpoint.address[12...])
      throw self.invalid("\(endpoint.addressText) is IPv4 in IPv6 form; write /ip4/\(mapped)")
    }
    if let zone = place.zone {
      guard IPEndpoint.isZone(zone.utf8) else { throw self.invalid("\(quoted(zone)) is no interface, like eth0") }
    } else if endpoint.isIPv6 && endpoint.isLinkLocal {
      throw self.invalid(
        "\(endpoint.addressText) is link-local and needs its interface, /ip6zone/eth0/ip6/\(endpoint.addressText)/…")
    }
    return endpoint
  }

  /// The name to look up, when it is one that DNS can hold: at most 253 bytes, labels of 1 to 63 letters, digits,
  /// hyphens and underscores, a dot at the end allowed (RFC 1035 §2.3.4).
  private func hostName(_ place: QUICPlace) throws(DialError) -> String {
    let name = place.host.value
    let labels = (name.last == UInt8(ascii: ".") ? name.dropLast() : name[...])
      .split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    let text = String(decoding: name, as: UTF8.self)
    guard labels.map(\.count).reduce(labels.count - 1, +) <= 253 else {
      throw self.invalid("\(quoted(text)) has more than 253 bytes")
    }
    for label in labels {
      guard (1...63).contains(label.count), label.allSatisfy({ Self.isLabelCharacter($0) }) else {
        throw self.invalid("\(quoted(text)) is no host name: labels have 1 to 63 letters, digits and hyphens")
      }
    }
    return text
  }

  private static func isLabelCharacter(_ character: UInt8) -> Bool {
    switch character {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private func invalid(_ why: String) -> DialError {
    DialError(.invalidAddress, "\(quoted(self.description)) cannot be used: \(why)", temporary: false)
  }

  /// Suggests the same host and port with QUIC.
  private func unsupported(_ what: String, _ components: [MultiaddrComponent]) -> DialError {
    var mend = Self.example
    if let host = components.first(where: { $0.protocol.isHost && $0.protocol != .dnsaddr && $0.value.count < 64 }) {
      let port = components.first { $0.protocol.format == .port }?.port ?? 9000
      let zone = components.first { $0.protocol == .ip6zone }?.description ?? ""
      mend = "\(zone)\(host)/udp/\(port)/quic-v1"
    }
    return DialError(
      .unsupportedTransport, "\(quoted(self.description)) \(what); fednode speaks QUIC, e.g. \(mend)", temporary: false)
  }
}
