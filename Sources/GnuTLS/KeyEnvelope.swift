internal import P2PCore

/// The protobuf that libp2p wraps public and private keys in: `Type` (field 1) and `Data` (field 2).
///
/// Only the deterministic encoding is accepted: both fields once, in order, shortest varints, nothing else (libp2p
/// specs: peer-ids, "Keys").
enum KeyEnvelope {
  /// No key of a type that we accept is longer: RSA 8192 private, PKCS#1, is under 5 kB.
  static let dataBytesMax = 8_192

  static func encode(_ type: KeyType, _ data: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = [0x08, type.rawValue, 0x12]
    var length = data.count
    while length >= 0x80 {
      bytes.append(UInt8(length & 0x7f) | 0x80)
      length >>= 7
    }
    bytes.append(UInt8(length))
    bytes += data
    return bytes
  }

  /// Nil when `bytes` is not the deterministic encoding of a key of a known type.
  static func decode(_ bytes: ArraySlice<UInt8>) -> (type: KeyType, data: [UInt8])? {
    var rest = bytes
    guard rest.popFirst() == 0x08, let number = rest.popFirst(), let type = KeyType(rawValue: number),
      rest.popFirst() == 0x12, let length = varint(&rest), length <= Self.dataBytesMax, length == rest.count
    else { return nil }
    return (type, Array(rest))
  }

  /// At most two bytes, which `dataBytesMax` fits in.
  private static func varint(_ rest: inout ArraySlice<UInt8>) -> Int? {
    guard let low = rest.popFirst() else { return nil }
    if low < 0x80 { return Int(low) }
    guard let high = rest.popFirst(), high > 0, high < 0x80 else { return nil }
    return Int(low & 0x7f) | Int(high) << 7
  }
}
