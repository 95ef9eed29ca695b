/// What a node tells about itself (libp2p specs: identify, `/ipfs/id/1.0.0` and `/ipfs/id/push/1.0.0`). A peer may
/// spread it over several messages; a field that is absent in a later one has not changed.
package struct IdentifyMessage: Hashable, Sendable {
  /// Largest message read, bytes.
  package static let sizeMaximum = 65_536
  /// Protocols kept of a message; addresses as many.
  package static let protocolsMaximum = 1_024
  package static let addressesMaximum = 1_024
  /// Larger addresses are skipped, bytes.
  package static let addressSizeMaximum = 1_024
  /// What this node says as `protocolVersion`.
  package static let protocolVersion = "ipfs/0.1.0"

  /// Protobuf of the sender's key.
  package var publicKey: [UInt8]?
  /// Where the sender can be dialled.
  package var listenAddresses: [Multiaddr] = []
  package var protocols: [String] = []
  /// Where the sender sees the receiver.
  package var observedAddress: Multiaddr?
  package var protocolVersion: String?
  package var agentVersion: String?
  /// A `SignedEnvelope` with a `SignedPeerRecord`.
  package var signedPeerRecord: [UInt8]?

  package init() {}

  /// Addresses that cannot be read, of protocols unknown here for instance, are left out; the rest counts.
  package init(protobuf: [UInt8]) throws(WireError) {
    guard protobuf.count <= Self.sizeMaximum else {
      throw .tooLong(size: UInt64(protobuf.count), maximum: Self.sizeMaximum)
    }
    var reader = ProtobufReader(protobuf)
    while let number = try reader.next() {
      switch number {
      case 1: self.publicKey = try reader.bytes()
      case 2:
        guard self.listenAddresses.count < Self.addressesMaximum else { continue }
        if let address = Self.address(try reader.bytes()) { self.listenAddresses.append(address) }
      case 3:
        let name = try reader.string()
        if self.protocols.count < Self.protocolsMaximum { self.protocols.append(name) }
      case 4: self.observedAddress = Self.address(try reader.bytes())
      case 5: self.protocolVersion = try reader.string()
      case 6: self.agentVersion = try reader.string()
      case 8: self.signedPeerRecord = try reader.bytes()
      default: break
      }
    }
  }

  package var protobuf: [UInt8] {
    var writer = ProtobufWriter()
    if let publicKey { writer.bytes(1, publicKey) }
    for address in self.listenAddresses { writer.bytes(2, address.bytes) }
    for name in self.protocols { writer.string(3, name) }
    if let observedAddress { writer.bytes(4, observedAddress.bytes) }
    if let protocolVersion { writer.string(5, protocolVersion) }
    if let agentVersion { writer.string(6, agentVersion) }
    if let signedPeerRecord { writer.bytes(8, signedPeerRecord) }
    return writer.bytes
  }

  /// Nil for an address that is too large or cannot be read.
  static func address(_ bytes: [UInt8]) -> Multiaddr? {
    guard bytes.count <= self.addressSizeMaximum else { return nil }
    do {
      return try Multiaddr(bytes: bytes)
    } catch {
      return nil
    }
  }
}
