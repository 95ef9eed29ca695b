/// A self-describing address (multiformats: multiaddr), text and binary.
package struct Multiaddr: Hashable, Sendable, CustomStringConvertible {
  /// Largest text and largest binary form taken, bytes. What a node keeps of its peers' addresses is bounded where
  /// it is read; those that can be dialled have less than 400 bytes.
  package static let sizeMaximum = 131_072

  /// For messages: what an address looks like.
  static let example = "/ip4/0.0.0.0/udp/9000/quic-v1"

  /// The binary form.
  package let bytes: [UInt8]

  /// Reads the text strictly: one text for each value but for letter case of IPv6 and forms of peer ids.
  package init(_ text: String) throws(MultiaddrError) {
    guard text.utf8.count <= Self.sizeMaximum else {
      throw MultiaddrError("\(quoted(text)) is no multiaddr: it has more than \(Self.sizeMaximum) bytes")
    }
    do {
      self.bytes = try Self.parse(Array(text.utf8))
    } catch {
      let fault = error.isUnsupported ? "cannot be used" : "is no multiaddr"
      throw MultiaddrError("\(quoted(text)) \(fault): \(error.description)", isUnsupported: error.isUnsupported)
    }
  }

  /// Takes the binary form when each of its components is well-formed.
  package init(bytes: [UInt8]) throws(MultiaddrError) {
    guard !bytes.isEmpty else { throw MultiaddrError("a multiaddr of no bytes") }
    guard bytes.count <= Self.sizeMaximum else {
      throw MultiaddrError("a multiaddr of more than \(Self.sizeMaximum) bytes")
    }
    var walker = MultiaddrWalker(bytes)
    steps: while true {
      switch walker.next() {
      case .component(let kind, _, let value): try MultiaddrComponent.check(kind, bytes[value])
      case .end: break steps
      case .fault(let error): throw error
      }
    }
    self.bytes = bytes
  }

  /// `/ip4|ip6[zone]/…/udp/…/quic-v1`
  package init(quic endpoint: IPEndpoint) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(48)
    if endpoint.isIPv6, let zone = endpoint.zone { Self.append(.ip6zone, Array(zone.utf8), to: &bytes) }
    Self.append(endpoint.isIPv6 ? .ip6 : .ip4, endpoint.address, to: &bytes)
    Self.append(.udp, [UInt8(endpoint.port >> 8), UInt8(truncatingIfNeeded: endpoint.port)], to: &bytes)
    Self.append(.quicV1, [], to: &bytes)
    self.bytes = bytes
  }

  private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

  /// The canonical text.
  package var description: String {
    var text: [UInt8] = []
    // More than most addresses that lead to QUIC have.
    text.reserveCapacity(64)
    var walker = MultiaddrWalker(self.bytes)
    while case .component(let kind, _, let value) = walker.next() {
      MultiaddrComponent.append(kind, self.bytes[value], to: &text)
    }
    return String(decoding: text, as: UTF8.self)
  }

  package var components: [MultiaddrComponent] {
    var components: [MultiaddrComponent] = []
    var walker = MultiaddrWalker(self.bytes)
    while case .component(let kind, _, let value) = walker.next() {
      components.append(MultiaddrComponent(protocol: kind, value: Array(self.bytes[value])))
    }
    return components
  }

  /// From a trailing `/p2p/…`.
  package var peerID: PeerID? {
    guard let last = self.last, last.protocol == .p2p else { return nil }
    do {
      return try PeerID(multihash: Array(self.bytes[last.value]))
    } catch {
      return nil
    }
  }

  /// Without a trailing `/p2p/…`. An address that is nothing else stays as it is.
  package var withoutPeerID: Multiaddr {
    guard let last = self.last, last.protocol == .p2p, last.start > 0 else { return self }
    return Multiaddr(unchecked: Array(self.bytes[..<last.start]))
  }

  /// With `/p2p/…` of `peerID` at its end, in place of another.
  package func with(peerID: PeerID) -> Multiaddr {
    var bytes = self.bytes
    if let last = self.last, last.protocol == .p2p { bytes.removeSubrange(last.start...) }
    Self.append(.p2p, peerID.bytes, to: &bytes)
    return Multiaddr(unchecked: bytes)
  }

  private var last: (protocol: MultiaddrProtocol, start: Int, value: Range<Int>)? {
    var last: (MultiaddrProtocol, Int, Range<Int>)?
    var walker = MultiaddrWalker(self.bytes)
    while case .component(let kind, let start, let value) = walker.next() { last = (kind, start, value) }
    return last
  }

  private static func parse(_ text: [UInt8]) throws(MultiaddrError) -> [UInt8] {
    let slash = UInt8(ascii: "/")
    guard text.first == slash else { throw MultiaddrError("it must begin with a slash, like \(Self.example)") }
    var bytes: [UInt8] = []
    var index = 0
    // `index` stands on a slash; what follows up to the next one is a segment.
    func segment() -> ArraySlice<UInt8> {
      let end = text[(index + 1)...].firstIndex(of: slash) ?? text.endIndex
      defer { index = end }
      return text[(index + 1)..<end]
    }
    while index < text.endIndex {
      let name = segment()
      guard name.count <= Self.nameSizeMaximum else { throw MultiaddrError("a protocol name is too long") }
      guard let kind = MultiaddrProtocol(name: String(decoding: name, as: UTF8.self)) else {
        throw Self.unknown(name, atEnd: index == text.endIndex)
      }
      guard kind.format != .none else {
        Self.append(kind, [], to: &bytes)
        continue
      }
      guard kind.format != .unsupported else { throw MultiaddrError(unsupported: kind) }
      guard index < text.endIndex else { throw MultiaddrError("\(kind.name) needs a value, /\(kind.name)/…") }
      Self.append(kind, try MultiaddrComponent.value(kind, text: segment()), to: &bytes)
    }
    return bytes
  }

  /// Longest protocol name taken, bytes; the longest known one has 18.
  private static let nameSizeMaximum = 32

  private static func unknown(_ name: ArraySlice<UInt8>, atEnd: Bool) -> MultiaddrError {
    if name.isEmpty { return MultiaddrError(atEnd ? "it ends with a slash" : "it holds two slashes in a row") }
    return MultiaddrError("protocol \(quoted(String(decoding: name, as: UTF8.self))) is unknown; see \(Self.example)")
  }

  private static func append(_ kind: MultiaddrProtocol, _ value: [UInt8], to bytes: inout [UInt8]) {
    Varint.append(kind.rawValue, to: &bytes)
    switch kind.format {
    case .name, .zone, .peer: Varint.append(UInt64(value.count), to: &bytes)
    case .none, .ip4, .ip6, .port, .byte, .unsupported: break
    }
    bytes += value
  }
}
