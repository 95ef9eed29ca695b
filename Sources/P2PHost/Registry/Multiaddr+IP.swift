internal import P2PCore

extension Multiaddr {
  /// 4 or 16 bytes; nil where the address names none that can be dialled.
  var ip: [UInt8]? { self.endpoint?.address }

  /// Nil where the address names none that can be dialled.
  var endpoint: IPEndpoint? {
    do throws(DialError) {
      guard case .endpoint(let endpoint) = try self.quicTarget() else { return nil }
      return endpoint
    } catch {
      return nil
    }
  }
}
