/// One protocol of a multiaddr and its value.
package struct MultiaddrComponent: Hashable, Sendable, CustomStringConvertible {
  package let `protocol`: MultiaddrProtocol
  /// The binary value, without the length before it; empty for protocols that have none.
  package let value: [UInt8]

  /// The value as printed; nil for protocols that have none.
  package var text: String? {
    switch self.protocol.format {
    case .none, .unsupported: nil
    case .ip4, .ip6: IPText.format(self.value)
    case .port: String(self.port)
    case .byte: String(self.value[0])
    case .name, .zone: String(decoding: self.value, as: UTF8.self)
    case .peer: PositionalBase.base58btc.encode(self.value)
    }
  }

  /// `/name/value`.
  package var description: String {
    "/" + self.protocol.name + (self.text.map { "/" + $0 } ?? "")
  }

  /// Of `tcp`, `udp` and the like.
  var port: UInt16 { UInt16(self.value[0]) << 8 | UInt16(self.value[1]) }

  /// Reads the value of `protocol` as text.
  static func value(_ protocol: MultiaddrProtocol, text: ArraySlice<UInt8>) throws(MultiaddrError) -> [UInt8] {
    switch `protocol`.format {
    case .ip4:
      guard let address = IPText.ipv4(text) else {
        throw MultiaddrError("ip4 needs four numbers of 0 to 255 without leading zeros, like 192.0.2.7")
      }
      return address
    case .ip6:
      guard let address = IPText.ipv6(text) else {
        throw MultiaddrError("ip6 needs an IPv6 address, like 2001:db8::7; a zone goes before it, /ip6zone/eth0/ip6/…")
      }
      return address
    case .port:
      guard let port = IPText.port(text) else {
        throw MultiaddrError("\(`protocol`.name) needs a port of 0 to 65535 without leading zeros")
      }
      return [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
    case .byte:
      guard let number = IPText.decimal(text, maximum: 255) else {
        throw MultiaddrError("\(`protocol`.name) needs a number of 0 to 255 without leading zeros")
      }
      return [UInt8(number)]
    case .peer:
      do {
        return try PeerID(String(decoding: text, as: UTF8.self)).bytes
      } catch {
        throw MultiaddrError(error.description)
      }
    case .name, .zone, .none, .unsupported:
      let value = Array(text)
      try self.check(`protocol`, value[...])
      return value
    }
  }

  /// Whether `value`, of the right size, is one that `protocol` can have.
  static func check(_ protocol: MultiaddrProtocol, _ value: ArraySlice<UInt8>) throws(MultiaddrError) {
    switch `protocol`.format {
    case .none, .ip4, .ip6, .port, .byte:
      break
    case .name:
      guard !value.isEmpty, value.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
        throw MultiaddrError(
          "\(`protocol`.name) needs a name of printable ASCII, international names in their xn-- form")
      }
    case .zone:
      // A space is no interface name, but the address can be told apart from others.
      guard !value.isEmpty, value.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }) else {
        throw MultiaddrError("\(`protocol`.name) needs an interface, like eth0")
      }
    case .peer:
      do {
        _ = try PeerID(multihash: Array(value))
      } catch {
        throw MultiaddrError("p2p needs a peer id: \(error)")
      }
    case .unsupported:
      throw MultiaddrError(unsupported: `protocol`)
    }
  }
}

/// Walks over the components of a binary multiaddr.
struct MultiaddrWalker {
  enum Step {
    case component(MultiaddrProtocol, start: Int, value: Range<Int>)
    case end
    case fault(MultiaddrError)
  }

  let bytes: [UInt8]
  private(set) var index = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func next() -> Step {
    let start = self.index
    guard start < self.bytes.count else { return .end }
    do throws(WireError) {
      let code = try self.varint()
      guard let found = MultiaddrProtocol(rawValue: code) else {
        return .fault(MultiaddrError("protocol code \(code) is unknown"))
      }
      let size: UInt64
      switch found.format {
      case .none: size = 0
      case .byte: size = 1
      case .port: size = 2
      case .ip4: size = 4
      case .ip6: size = 16
      case .name, .zone, .peer: size = try self.varint()
      case .unsupported: return .fault(MultiaddrError(unsupported: found))
      }
      guard size <= UInt64(self.bytes.count - self.index) else { throw WireError.truncated }
      let value = self.index..<self.index + Int(size)
      self.index = value.upperBound
      return .component(found, start: start, value: value)
    } catch {
      return .fault(MultiaddrError(error.description))
    }
  }

  private mutating func varint() throws(WireError) -> UInt64 {
    guard let (value, next) = try Varint.read(self.bytes, at: self.index, end: self.bytes.count) else {
      throw .truncated
    }
    self.index = next
    return value
  }
}
