/// The protobuf that public and private keys share: `Type` 1, `Data` 2, both required (libp2p specs: peer-ids).
struct KeyMessage: Sendable {
  let type: KeyType
  let data: [UInt8]

  init(type: KeyType, data: [UInt8]) {
    self.type = type
    self.data = data
  }

  /// Takes the canonical encoding only: what is read, written again, must be the same bytes.
  init(_ protobuf: [UInt8], sizeMaximum: Int) throws(WireError) {
    guard protobuf.count <= sizeMaximum else {
      throw .tooLong(size: UInt64(protobuf.count), maximum: sizeMaximum)
    }
    var type: UInt64?
    var data: [UInt8]?
    var reader = ProtobufReader(protobuf)
    while let number = try reader.next() {
      switch number {
      case 1: type = try reader.varint()
      case 2: data = try reader.bytes()
      default: break
      }
    }
    guard let type, let data else { throw .malformed("type or data is missing") }
    guard let raw = UInt8(exactly: type), let keyType = KeyType(rawValue: raw) else {
      throw .malformed("key type \(type) is unknown")
    }
    self.init(type: keyType, data: data)
    guard self.protobuf == protobuf else { throw .malformed("it is not in the canonical encoding") }
  }

  var protobuf: [UInt8] {
    var writer = ProtobufWriter()
    writer.varint(1, UInt64(self.type.rawValue))
    writer.bytes(2, self.data)
    return writer.bytes
  }
}
