/// A payload with its type, the signer's key, and a signature over all but the key (libp2p specs: RFC 0002).
package struct SignedEnvelope: Hashable, Sendable {
  /// Largest envelope read, bytes.
  package static let sizeMaximum = 65_536

  /// Protobuf of the signer's key.
  package var publicKey: [UInt8]
  package var payloadType: [UInt8]
  package var payload: [UInt8]
  package var signature: [UInt8]

  package init(publicKey: [UInt8], payloadType: [UInt8], payload: [UInt8], signature: [UInt8]) {
    self.publicKey = publicKey
    self.payloadType = payloadType
    self.payload = payload
    self.signature = signature
  }

  package init(protobuf: [UInt8]) throws(WireError) {
    guard protobuf.count <= Self.sizeMaximum else {
      throw .tooLong(size: UInt64(protobuf.count), maximum: Self.sizeMaximum)
    }
    var fields: [UInt32: [UInt8]] = [:]
    var reader = ProtobufReader(protobuf)
    while let number = try reader.next() {
      switch number {
      case 1, 2, 3, 5: fields[number] = try reader.bytes()
      default: break
      }
    }
    guard let publicKey = fields[1], let type = fields[2], let payload = fields[3], let signature = fields[5] else {
      throw .malformed("key, type, payload or signature is missing")
    }
    self.init(publicKey: publicKey, payloadType: type, payload: payload, signature: signature)
  }

  package var protobuf: [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, self.publicKey)
    writer.bytes(2, self.payloadType)
    writer.bytes(3, self.payload)
    writer.bytes(5, self.signature)
    return writer.bytes
  }

  /// The bytes that a signature covers: domain, type and payload, each behind its length.
  package static func signedBytes(domain: String, payloadType: [UInt8], payload: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    for part in [Array(domain.utf8), payloadType, payload] {
      Varint.append(UInt64(part.count), to: &bytes)
      bytes += part
    }
    return bytes
  }
}
