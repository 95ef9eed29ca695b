/// A secret that a client shows as `Authorization: Bearer …` (RFC 6750). Nothing shows it again.
package struct APIToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// So that it cannot be guessed.
  package static let bytesMin = 16
  package static let bytesMax = 512

  private let bytes: [UInt8]

  /// Nil for what is no token of 16 to 512 bytes: letters, digits and `-._~+/`, at the end `=` (RFC 6750 §2.1).
  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard (Self.bytesMin...Self.bytesMax).contains(bytes.count) else { return nil }
    let body = bytes.reversed().drop { $0 == UInt8(ascii: "=") }
    guard !body.isEmpty, body.allSatisfy(Self.isBody) else { return nil }
    self.bytes = bytes
  }

  /// In a time that depends on the length of `text` only.
  func matches(_ text: some StringProtocol) -> Bool {
    let given = text.utf8
    var difference = UInt(bitPattern: self.bytes.count ^ given.count)
    var index = 0
    for byte in given {
      difference |= UInt(self.bytes[index] ^ byte)
      index = index + 1 == self.bytes.count ? 0 : index + 1
    }
    return difference == 0
  }

  /// Of two that this node has: in no constant time.
  package static func areSame(_ a: APIToken?, _ b: APIToken?) -> Bool { a?.bytes == b?.bytes }

  package var description: String { "[secret]" }
  package var debugDescription: String { "[secret]" }
  package var customMirror: Mirror { Mirror(self, children: []) }

  private static func isBody(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._~+/".utf8.contains(byte)
    }
  }
}

/// What a client may do.
enum Scope: String, Sendable {
  /// Look.
  case read
  /// Change as well.
  case admin
}
