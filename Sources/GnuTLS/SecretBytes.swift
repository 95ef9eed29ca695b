internal import CGnuTLS

/// Private key material in memory of its own, wiped when the last owner is gone.
final class SecretBytes: Sendable {
  // Written only by `init`; immutable until `deinit`.
  nonisolated(unsafe) private let storage: UnsafeMutableBufferPointer<UInt8>

  init(_ bytes: [UInt8]) {
    self.storage = .allocate(capacity: bytes.count)
    _ = self.storage.initialize(from: bytes)
  }

  deinit {
    if let base = self.storage.baseAddress { gnutls_memset(base, 0, self.storage.count) }
    self.storage.deallocate()
  }

  /// A copy. It outlives the wiping: keep it short-lived and call `wipe` on it.
  var copy: [UInt8] { Array(self.storage) }

  func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    body(UnsafeBufferPointer(self.storage))
  }
}

/// Overwrites `bytes` in a way that the compiler cannot leave out.
package func wipe(_ bytes: inout [UInt8]) {
  bytes.withUnsafeMutableBytes { buffer in
    if let base = buffer.baseAddress { gnutls_memset(base, 0, buffer.count) }
  }
}
