/// One protocol of a multiaddr and its value.
package struct MultiaddrComponent: Hashable, Sendable, CustomStringConvertible {
  package let `protocol`: MultiaddrProtocol
  /// The binary value, without the length before it; empty for protocols that have none.
  package let value: [UInt8]

  /// The value as printed; nil for protocols that have none.
  package var text: String? {
    guard self.protocol.hasText else { return nil }
    var text: [UInt8] = []
    Self.appendText(self.protocol, self.value[...], to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// `/name/value`.
  package var description: String {
    var text: [UInt8] = []
    Self.append(self.protocol, self.value[...], to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Writes `/name/value`; lists have thousands of these, so without a string for each part.
  static func append(_ protocol: MultiaddrProtocol, _ value: ArraySlice<UInt8>, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "/"))
    text += `protocol`.name.utf8
    guard `protocol`.hasText else { return }
    text.append(UInt8(ascii: "/"))
    self.appendText(`protocol`, value, to: &text)
  }

  private static func appendText(
    _ protocol: MultiaddrProtocol, _ value: ArraySlice<UInt8>, to text: inout [UInt8]
  ) {
    let first = value.startIndex
    switch `protocol`.format {
    case .none, .unsupported: break
    case .ip4, .ip6: IPText.append(value, to: &text)
    case .port: IPText.append(decimal: UInt16(value[first]) << 8 | UInt16(value[first + 1]), to: &text)
    case .byte: IPText.append(decimal: UInt16(value[first]), to: &text)
    case .name, .zone: text += value
    case .peer: text += PositionalBase.base58btc.encode(Array(value)).utf8
    }
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
