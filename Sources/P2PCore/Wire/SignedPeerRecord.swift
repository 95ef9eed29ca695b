/// Where a peer says that it can be reached, signed by it (libp2p specs: RFC 0003).
package struct SignedPeerRecord: Hashable, Sendable {
  /// The two ways that records are signed: by go and js today, and by rust still.
  package enum Variant: Hashable, Sendable, CaseIterable {
    case current
    case legacy

    package var domain: String {
      switch self {
      case .current: "libp2p-peer-record"
      case .legacy: "libp2p-routing-state"
      }
    }

    package var payloadType: [UInt8] {
      switch self {
      case .current: [0x03, 0x01]
      case .legacy: Array("/libp2p/routing-state-record".utf8)
      }
    }
  }

  package var peerID: PeerID
  /// Grows with each record of the peer.
  package var sequence: UInt64
  package var addresses: [Multiaddr]

  package init(peerID: PeerID, sequence: UInt64, addresses: [Multiaddr]) {
    self.peerID = peerID
    self.sequence = sequence
    self.addresses = addresses
  }

  /// The payload of an envelope. Addresses that cannot be read are left out, as in `IdentifyMessage`.
  package init(protobuf: [UInt8]) throws(WireError) {
    guard protobuf.count <= SignedEnvelope.sizeMaximum else {
      throw .tooLong(size: UInt64(protobuf.count), maximum: SignedEnvelope.sizeMaximum)
    }
    var peer: [UInt8]?
    var sequence: UInt64 = 0
    var addresses: [Multiaddr] = []
    var reader = ProtobufReader(protobuf)
    while let number = try reader.next() {
      switch number {
      case 1: peer = try reader.bytes()
      case 2: sequence = try reader.varint()
      case 3:
        guard addresses.count < IdentifyMessage.addressesMaximum else { continue }
        if let address = try Self.address(try reader.bytes()) { addresses.append(address) }
      default: break
      }
    }
    guard let peer else { throw .malformed("the peer id is missing") }
    do {
      self.init(peerID: try PeerID(multihash: peer), sequence: sequence, addresses: addresses)
    } catch {
      throw .malformed("not a peer id: \(error)")
    }
  }

  package var protobuf: [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, self.peerID.bytes)
    writer.varint(2, self.sequence)
    for address in self.addresses {
      var info = ProtobufWriter()
      info.bytes(1, address.bytes)
      writer.bytes(3, info.bytes)
    }
    return writer.bytes
  }

  /// The bytes that the signature of `envelope` covers when it holds a record; nil when it holds something else.
  package static func signedBytes(of envelope: SignedEnvelope) -> [UInt8]? {
    guard let variant = Variant.allCases.first(where: { $0.payloadType == envelope.payloadType }) else { return nil }
    return SignedEnvelope.signedBytes(
      domain: variant.domain, payloadType: envelope.payloadType, payload: envelope.payload)
  }

  /// Reads an `AddressInfo`.
  private static func address(_ protobuf: [UInt8]) throws(WireError) -> Multiaddr? {
    var bytes: [UInt8] = []
    var reader = ProtobufReader(protobuf)
    while let number = try reader.next() {
      if number == 1 { bytes = try reader.bytes() }
    }
    return IdentifyMessage.address(bytes)
  }
}
