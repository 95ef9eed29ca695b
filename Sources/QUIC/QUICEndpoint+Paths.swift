import LinuxIO
import P2PCore

// What becomes of connections when this machine's addresses change.

extension QUICEndpoint {
  /// Looks after the connections whose local address cannot be used any more. Outbound ones move to another
  /// (RFC 9000 §9), and wait where there is none yet; those that cannot move end. Nobody can be told: what is sent from
  /// elsewhere a client must ignore (RFC 9000 §9), and a server takes for another client.
  ///
  /// - Returns: the local addresses of those that wait.
  func leavePaths(
    unless isUsable: (SocketAddress) -> Bool, moveTo local: (_ remote: SocketAddress) -> SocketAddress?,
    now: MonotonicNanoseconds
  ) -> Set<SocketAddress> {
    var waiting: Set<SocketAddress> = []
    for connection in Array(self.all.values) {
      let path = connection.path
      if isUsable(path.local) { continue }
      if connection.direction == .outbound, connection.phase == .established {
        guard let local = local(path.remote) else {
          waiting.insert(path.local)
          continue
        }
        if connection.migrate(to: local, now: now) {
          connection.markDirty()
          continue
        }
      }
      let words = "its local address \(path.local.multiaddr) is gone"
      connection.dial?.end(.failure(DialError(.noRoute, words, temporary: true)))
      self.finish(
        connection, CloseReason("transport_error", initiator: .none, detail: words), code: 0, words: "", now: now)
    }
    return waiting
  }
}
