internal import P2PCore

/// Where the management API listens.
enum APIAddress: Sendable, Hashable, CustomStringConvertible {
  case ip(IPEndpoint)
  /// Path of a Unix socket.
  case unix(String)

  /// Bytes of a path (`sun_path`, unix(7)).
  static let pathBytesMax = 107

  /// Whether other machines may reach it.
  var isBeyondThisMachine: Bool {
    switch self {
    case .ip(let endpoint): !endpoint.isLoopback
    case .unix: false
    }
  }

  /// As the configuration has it.
  var description: String {
    switch self {
    case .ip(let endpoint): endpoint.description
    case .unix(let path): "unix:\(path)"
    }
  }
}

extension ValueType<APIAddress> {
  static let apiAddress = ValueType.single(
    "an address and a port, for example 127.0.0.1:9080 or [::1]:9080, or unix:/run/fednode/api.sock",
    { text throws(ValueError) in
      if text.hasPrefix("unix:") {
        let path = String(text.dropFirst("unix:".count))
        guard path.hasPrefix("/"), !path.hasSuffix("/"), !path.utf8.contains(0) else {
          throw ValueError("\(quoted(text)) has no absolute path", mend: "write for example unix:/run/fednode/api.sock")
        }
        guard path.utf8.count <= APIAddress.pathBytesMax else {
          throw ValueError(
            "the path has \(path.utf8.count) bytes", mend: "write one of at most \(APIAddress.pathBytesMax)")
        }
        return .unix(path)
      }
      let numeric = text.hasPrefix("localhost:") ? "127.0.0.1" + text.dropFirst("localhost".count) : text
      do {
        let endpoint = try IPEndpoint(numeric)
        return endpoint.zone == nil ? .ip(endpoint) : nil
      } catch {
        return nil
      }
    }, show: { $0.description })
}

extension ValueType<UInt32> {
  /// Permission bits of a socket, which its owner may always use.
  static let socketMode = ValueType.single(
    "permission bits from 0600 to 0777, for example 0660",
    { text in
      guard (3...4).contains(text.utf8.count), text.utf8.count == 3 || text.hasPrefix("0"),
        let mode = UInt32(text, radix: 8), text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") }), mode & 0o600 == 0o600
      else { return nil }
      return mode
    }, show: { "0" + String($0, radix: 8) })
}
