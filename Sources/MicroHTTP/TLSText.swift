internal import CMicroHTTPD
internal import Glibc

/// `TLSFiles` as the library keeps hold of it: zero-terminated, in one place until the daemon has stopped.
///
/// @unchecked: nothing changes between `init` and `deinit`.
final class TLSText: @unchecked Sendable {
  let pointers: cmicrohttpd_tls

  init(_ files: TLSFiles) {
    self.pointers = cmicrohttpd_tls(
      key: Self.copy(files.key), certificate: Self.copy(files.certificate),
      client_authority: files.clientAuthority.map { Self.copy($0) })
  }

  deinit {
    for pointer in [self.pointers.key, self.pointers.certificate, self.pointers.client_authority] {
      guard let pointer = UnsafeMutablePointer(mutating: pointer) else { continue }
      explicit_bzero(pointer, strlen(pointer))
      UnsafeMutableRawPointer(pointer).deallocate()
    }
  }

  private static func copy(_ bytes: [UInt8]) -> UnsafePointer<CChar> {
    let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes.count + 1, alignment: 1)
    copy.copyMemory(from: bytes, byteCount: bytes.count)
    copy.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self)
    return UnsafePointer(copy.assumingMemoryBound(to: CChar.self))
  }
}
