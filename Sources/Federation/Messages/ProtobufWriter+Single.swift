internal import P2PCore

/// Fields that are not repeated: proto3 leaves out what is zero or empty.
extension ProtobufWriter {
  mutating func single(_ number: UInt32, _ value: UInt64) {
    if value != 0 { self.varint(number, value) }
  }

  mutating func single(_ number: UInt32, _ value: String) {
    if !value.isEmpty { self.string(number, value) }
  }
}
