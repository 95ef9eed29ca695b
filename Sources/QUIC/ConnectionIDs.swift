import CNgtcp2

/// A connection id as a key. Ours have 8 bytes and travel as one integer.
struct ConnectionID: Hashable {
  let length: UInt8
  private let a: UInt64
  private let b: UInt64
  private let c: UInt32

  init(_ cid: cng_cid) {
    var copy = cid
    self.length = cid.length
    (self.a, self.b, self.c) = withUnsafeMutableBytes(of: &copy.bytes) { bytes in
      for index in Int(cid.length)..<20 { bytes[index] = 0 }
      return (
        bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
        bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
      )
    }
  }
}

extension ConnectionID {
  /// One of ours, from its 8 bytes in a short header.
  init(local bytes: UnsafeRawPointer) {
    self.length = UInt8(CNG_LOCAL_CID_BYTES)
    self.a = bytes.loadUnaligned(as: UInt64.self)
    self.b = 0
    self.c = 0
  }
}

/// A stateless reset token as a key.
struct ResetToken: Hashable {
  private let a: UInt64
  private let b: UInt64

  /// `bytes` points to 16 bytes.
  init(_ bytes: UnsafeRawPointer) {
    self.a = bytes.loadUnaligned(as: UInt64.self)
    self.b = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
  }
}
