package import P2PCore

extension Multiaddr {
  /// 4 or 16 bytes; nil where the address names none that can be dialled.
  package var ip: [UInt8]? { self.endpoint?.address }

  /// Leads to the machine that dials it.
  var isLoopback: Bool { self.endpoint?.isLoopback == true }

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
