import CLinux
import CNgtcp2
import LinuxIO
import P2PCore

// Who is let in, and what those hear who are not.

extension QUICEndpoint {
  /// `admits` is asked for the address of every newcomer, and answers why it is refused, or nil.
  func startAccepting(admits: @escaping ([UInt8]) -> String? = { _ in nil }) {
    self.admits = admits
    self.isAccepting = true
  }
  func stopAccepting() { self.isAccepting = false }

  func accept(
    _ datagram: UnsafeRawBufferPointer, _ local: inout clinux_address, _ remote: inout clinux_address, _ ecn: UInt8,
    _ now: MonotonicNanoseconds
  ) {
    var initial = cng_initial()
    let data = datagram.baseAddress!.assumingMemoryBound(to: UInt8.self)
    guard self.isAccepting, cng_accept(data, datagram.count, &initial) == 0 else { return self.drop(remote, now) }
    if let reason = self.admits(SocketAddress(raw: remote).address) {
      // Anyone may ask, from a forged address as well: what is on our blocklist is not for them.
      return self.refuse(&initial, reason, isTold: false, &local, &remote, now)
    }
    let limit = self.environment.configuration.handshakesMax
    if cng_is_retry_token(&initial) {
      guard
        cng_verify_retry(&initial, &remote, self.environment.secret, QUICEndpoint.retryTokenNanoseconds, now) == 0
      else {
        self.answer(&local, &remote, now) { packet, _ in
          cng_write_refusal(packet, 1_200, &initial, CNG_INVALID_TOKEN, nil, 0)
        }
        self.counters.refused += 1
        return
      }
    } else if self.handshakesInbound >= limit / 2 {
      self.answer(&local, &remote, now) { packet, remote in
        cng_write_retry(packet, 1_200, &initial, &remote, self.environment.secret, self.environment.shard, now)
      }
      self.counters.retries += 1
      return
    }
    if self.handshakesInbound >= limit {
      return self.refuse(
        &initial, "limits.handshakes: \(limit) handshakes are under way at this node", &local, &remote, now)
    }
    let connectionsMax = self.environment.configuration.connectionsMax
    if self.all.count >= connectionsMax {
      return self.refuse(&initial, "\(connectionsMax) connections are open", &local, &remote, now)
    }
    guard self.budget.next != nil else { return self.refuse(&initial, self.budgetWords, &local, &remote, now) }
    let origin = QUICConnection.Origin(
      direction: .inbound, local: SocketAddress(raw: local), remote: SocketAddress(raw: remote), initial: initial)
    do {
      let connection = try self.makeConnection(
        origin, handshakeTimeout: self.environment.configuration.handshakeTimeout, now: now)
      // The client uses this id until it has heard one of ours.
      self.connection(connection, added: ConnectionID(initial.dcid))
      self.handshakesInbound += 1
      self.deliver(datagram, to: connection, &local, &remote, ecn, now)
    } catch {
      self.refuse(&initial, "\(error)", isTold: false, &local, &remote, now)
    }
  }

  private func refuse(
    _ initial: inout cng_initial, _ reason: String, isTold: Bool = true, _ local: inout clinux_address,
    _ remote: inout clinux_address, _ now: MonotonicNanoseconds
  ) {
    // The remote's operator is to know which limit was reached.
    let words = isTold ? Array(reason.utf8.prefix(QUICEndpoint.refusalBytesMax)) : []
    self.answer(&local, &remote, now) { packet, _ in
      cng_write_refusal(packet, 1_200, &initial, CNG_CONNECTION_REFUSED, words, words.count)
    }
    self.counters.refused += 1
    self.tellRefusal(SocketAddress(raw: remote), reason, now)
  }

  func tellRefusal(_ remote: SocketAddress, _ reason: String, _ now: MonotonicNanoseconds) {
    let second = now / 1_000_000_000
    if self.refusalEvents.second != second { self.refusalEvents = (second, 0) }
    guard self.refusalEvents.count < QUICEndpoint.refusalEventsPerSecondMax else { return }
    self.refusalEvents.count += 1
    self.events(.inboundRefused(remoteAddress: remote.multiaddr, reason: reason))
  }

  /// Counts a datagram that is for nobody.
  func drop(_ remote: clinux_address, _ now: MonotonicNanoseconds) {
    self.counters.dropped += 1
    // A node that only dials, or ends, has nothing to report.
    guard self.isAccepting else { return }
    if let last = self.dropEvent, now &- last.time < QUICEndpoint.dropEventInterval { return }
    let count = self.counters.dropped - (self.dropEvent?.dropped ?? 0)
    self.dropEvent = (now, self.counters.dropped)
    self.events(.datagramsDropped(count: count, lastFrom: SocketAddress(raw: remote).multiaddr))
  }
}
