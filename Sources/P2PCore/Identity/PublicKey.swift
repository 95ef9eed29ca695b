/// A libp2p public key: its type and the bytes that the protobuf's `Data` holds.
package struct PublicKey: Hashable, Sendable {
  package let type: KeyType
  /// ed25519: 32 raw bytes; secp256k1: 33 bytes compressed; rsa, ecdsa: SubjectPublicKeyInfo DER.
  package let data: [UInt8]

  /// Largest protobuf taken, bytes: an RSA key of 8,192 bits has 1,067.
  package static let protobufSizeMaximum = 2_048

  package init(type: KeyType, data: [UInt8]) {
    self.type = type
    self.data = data
  }

  /// Reads the one canonical encoding (libp2p specs: peer-ids): both fields, in order, in their shortest form, and
  /// nothing else. Sizes and structure of the key are checked; that a point lies on its curve is not, the
  /// cryptographic library refuses others when the key is used.
  package init(protobuf: [UInt8]) throws(KeyError) {
    let message: KeyMessage
    do {
      message = try KeyMessage(protobuf, sizeMaximum: Self.protobufSizeMaximum)
    } catch {
      throw KeyError("not a public key: \(error)")
    }
    try PublicKeyData.check(message.type, message.data)
    self.init(type: message.type, data: message.data)
  }

  /// The canonical encoding, from which a peer id is made.
  package var protobuf: [UInt8] { KeyMessage(type: self.type, data: self.data).protobuf }
}

/// Bytes that are no key, or none that this node takes.
package struct KeyError: Error, Sendable, Hashable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
