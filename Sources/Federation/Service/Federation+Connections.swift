package import P2PCore
internal import P2PHost

// Connections that this node dialled, and what their ends mean for sessions.

extension Federation {
  private func opened(_ connection: any Connection) {
    guard connection.direction == .outbound else { return }
    self.state.withLock { $0.dialled[connection.id] = Dialled(connection: connection) }
    self.begin(on: connection)
  }

  /// Opens a session, unless there is one, or the peer is no member.
  func begin(on connection: any Connection) {
    guard self.host.gate.isMember(connection.remotePeer) else { return }
    let isFree = self.state.withLock { state in
      guard state.dialled[connection.id]?.isBusy == false else { return false }
      state.dialled[connection.id]?.isBusy = true
      return true
    }
    if !isFree { return }
    Task(executorPreference: self.host.streamExecutor) {
      let began = self.clock.monotonic()
      await self.initiate(on: connection)
      self.ended(on: connection, after: self.clock.monotonic() - began)
    }
  }

  /// Plans the next one. One that lasted as long as the longest wait was a good one.
  private func ended(on connection: any Connection, after lifetime: Duration) {
    let now = self.clock.monotonic()
    self.state.withLock { state in
      guard var dialled = state.dialled[connection.id] else { return }
      if lifetime >= Self.retryWaits.upperBound { dialled.wait = Self.retryWaits.lowerBound }
      dialled.isBusy = false
      dialled.nextAt = now + dialled.wait
      dialled.wait = min(dialled.wait * 2, Self.retryWaits.upperBound)
      state.dialled[connection.id] = dialled
    }
  }

  /// `giveWay`: it is closed in favour of another connection of the peer.
  private func closing(_ connection: any Connection, giveWay: Bool) {
    let deadline = self.clock.monotonic() + Self.supplantedWaits.upperBound
    let sessions = self.state.withLock { state in
      state.dialled[connection.id] = nil
      let sessions = state.sessions.filter { $0.connection.id == connection.id }
      for session in sessions {
        session.end(by: deadline)
        state.ending[ObjectIdentifier(session)] = session
      }
      return sessions
    }
    for session in sessions {
      if !giveWay { Task(executorPreference: self.host.streamExecutor) { await self.finish(session) } }
    }
    self.giveWay(connection.remotePeer)
  }

  /// Ends those sessions of `peer` that wait for another one to agree, where one has.
  func giveWay(_ peer: PeerID) {
    let ending = self.state.withLock { state -> [LiveSession] in
      if state.ending.isEmpty { return [] }
      let stays = state.agreed[peer]?.sessions.contains { state.ending[ObjectIdentifier($0)] == nil }
      return stays == true ? state.ending.values.filter { $0.connection.remotePeer == peer } : []
    }
    for session in ending { self.finishSoon(session) }
  }

  private func finishSoon(_ session: LiveSession) {
    Task(executorPreference: self.host.streamExecutor) {
      _ = await self.clock.pause(Self.supplantedWaits.lowerBound)
      await self.finish(session)
    }
  }

  /// False once the connection is closing.
  func isOpen(_ connection: any Connection) -> Bool { self.state.withLock { $0.dialled[connection.id] != nil } }

  /// A session that was opened while its connection began to close.
  func endLate(_ session: LiveSession) {
    session.end(by: self.clock.monotonic() + Self.supplantedWaits.upperBound)
    self.state.withLock { state in
      if session.place != nil { state.ending[ObjectIdentifier(session)] = session }
    }
    self.giveWay(session.connection.remotePeer)
  }
}

extension Federation: ConnectionObserver {
  package func connection(_ connection: any Connection, became state: LinkState, reason: CloseReason?) {
    switch state {
    case .connected: self.opened(connection)
    case .disconnecting:
      self.closing(connection, giveWay: reason?.code == ConnectionCode.supplanted)
    case .idle, .failed: self.state.withLock { $0.dialled[connection.id] = nil }
    case .connecting: break
    }
  }

  package func peer(_ peer: PeerID, isMember: Bool) {
    guard isMember else { return }
    let connections = self.state.withLock { state in
      state.dialled.values.map(\.connection).filter { $0.remotePeer == peer }
    }
    for connection in connections { self.begin(on: connection) }
  }
}
