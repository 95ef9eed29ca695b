import LinuxIO
import P2PCore

// Connections that this node begins.

extension QUICEndpoint {
  /// Begins a dial; `ended` is called once, when a connection is established or the dial has failed.
  func connect(
    local: SocketAddress, remote: SocketAddress, expecting peer: PeerID?, timeout: Duration, now: MonotonicNanoseconds,
    ended: @escaping (Result<QUICConnectionHandle, DialError>) -> Void
  ) -> OutboundDial {
    let origin = QUICConnection.Origin(direction: .outbound, local: local, remote: remote, expectedPeer: peer)
    self.lastDial += 1
    let number = self.lastDial
    let dial = OutboundDial(origin, timeout: timeout, now: now) { [weak self] result in
      self?.dials[number] = nil
      ended(result)
    }
    self.dials[number] = dial
    self.begin(dial, now: now)
    return dial
  }

  private func begin(_ dial: OutboundDial, now: MonotonicNanoseconds) {
    guard self.budget.next != nil else {
      return dial.end(.failure(DialError(.limitExceeded, self.budgetWords, temporary: true)))
    }
    do {
      let connection = try self.makeConnection(dial.origin, handshakeTimeout: dial.timeLeft(now: now), now: now)
      dial.begin(connection)
      connection.markDirty()
    } catch {
      dial.end(.failure(DialError(.handshakeFailed, "\(error)", temporary: true)))
    }
  }

  /// A fresh connection in place of one that has heard nothing for too long; false where that is not due.
  func renew(_ connection: QUICConnection, now: MonotonicNanoseconds) -> Bool {
    guard let dial = connection.dial, dial.isStale(connection, now: now) else { return false }
    connection.dial = nil
    self.remove(connection, CloseReason("renewed", initiator: .local))
    self.begin(dial, now: now)
    return true
  }

  var budgetWords: String {
    "limits.buffers: \(self.budget.limit) bytes are reserved for what peers may send; raise it"
  }

  /// The network says that datagrams to `remote` do not arrive: dials that have heard nothing from there end.
  /// Such messages can be forged, so nothing that has been heard from is touched (RFC 9000 §21.9).
  func unreachable(_ remote: SocketAddress, error: DialError, now: MonotonicNanoseconds) {
    for dial in self.dials.values {
      guard let connection = dial.connection, connection.phase == .handshaking, !connection.heardFromRemote,
        connection.path.remote == remote, dial.note(networkError: error, now: now)
      else { continue }
      dial.end(.failure(error))
      self.remove(connection, CloseReason("unreachable", initiator: .none, detail: error.detail))
    }
  }
}
