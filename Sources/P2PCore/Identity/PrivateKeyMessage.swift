/// A libp2p private key as it is stored (libp2p specs: peer-ids). Only the outer form is checked here.
package struct PrivateKeyMessage: Hashable, Sendable {
  package let type: KeyType
  /// ed25519: 32 bytes of seed and 32 of public key; secp256k1: 32 bytes; rsa: PKCS#1 DER; ecdsa: RFC 5915 DER.
  package let data: [UInt8]

  /// Largest protobuf taken, bytes: an RSA key of 8,192 bits has some 4,700.
  package static let protobufSizeMaximum = 8_192

  package init(type: KeyType, data: [UInt8]) {
    self.type = type
    self.data = data
  }

  /// Also reads the older form of ed25519 that repeats the public key.
  package init(protobuf: [UInt8]) throws(KeyError) {
    let message: KeyMessage
    do {
      message = try KeyMessage(protobuf, sizeMaximum: Self.protobufSizeMaximum)
    } catch {
      throw KeyError("not a private key: \(error)")
    }
    let data = message.data
    switch (message.type, data.count) {
    case (.ed25519, 96) where data[32..<64] == data[64..<96]:
      self.init(type: .ed25519, data: Array(data[..<64]))
    case (.ed25519, 64), (.secp256k1, 32):
      self.init(type: message.type, data: data)
    case (.rsa, 1...), (.ecdsa, 1...):
      self.init(type: message.type, data: data)
    default:
      throw KeyError("not a private key: \(data.count) bytes of \(message.type.name)")
    }
  }

  package var protobuf: [UInt8] { KeyMessage(type: self.type, data: self.data).protobuf }
}
