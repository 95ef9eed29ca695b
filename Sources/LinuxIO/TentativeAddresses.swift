import Glibc

/// IPv6 addresses that cannot be bound yet, as it is being found out whether another host has them, or never, as one
/// does (RFC 4862 §5.4). getifaddrs(3) gives them without a word.
struct TentativeAddresses {
  /// Of `/proc/net/if_inet6`; a line has 54 bytes.
  private static let bytesMax = 1 << 20

  private struct Key: Hashable {
    var interface: Substring
    var address: [UInt8]
  }

  private var keys: Set<Key> = []

  /// - Parameter contents: lines of `20010db8000000000000000000000001 02 40 00 40 eth0`: address, index, prefix length,
  ///   scope and flags in hexadecimal, interface. Others are passed over.
  init(contents: String) {
    for line in contents.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count == 6, fields[0].utf8.count == 32, let flags = UInt32(fields[4], radix: 16) else { continue }
      // IFA_F_TENTATIVE without IFA_F_OPTIMISTIC, IFA_F_DADFAILED.
      guard flags & 0x44 == 0x40 || flags & 0x08 != 0 else { continue }
      let digits = Array(fields[0])
      let address = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
        UInt8(String(digits[$0...($0 + 1)]), radix: 16)
      }
      self.keys.insert(Key(interface: fields[5], address: address))
    }
  }

  func contains(_ item: InterfaceAddress) -> Bool {
    self.keys.contains(Key(interface: item.interface[...], address: item.address.address))
  }

  /// Of the calling thread's network namespace; empty where there is no IPv6 or no /proc: then each address is tried.
  static func read() -> String {
    let descriptor = open("/proc/thread-self/net/if_inet6", O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return "" }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 16_384)
    while bytes.count < Self.bytesMax {
      let count = Glibc.read(descriptor, &block, 16_384)
      if count <= 0 { break }
      bytes += block[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
