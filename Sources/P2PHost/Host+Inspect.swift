package import P2PCore

// What the host tells about itself.

extension Host {
  package func node() async -> NodeInfo {
    let connections = self.connectionTable.values.map(\.connection)
    var peersByState: [LinkState: Int] = [:]
    for record in self.peerTable.all { peersByState[record.lifecycle.state, default: 0] += 1 }
    var connectionsByState: [LinkState: Int] = [:]
    var connectionsByDirection: [Direction: Int] = [:]
    for record in self.connectionTable.values {
      connectionsByState[record.lifecycle.state, default: 0] += 1
      connectionsByDirection[record.connection.direction, default: 0] += 1
    }
    var info = NodeInfo(
      peerID: self.localPeer,
      publicKey: self.configuration.publicKey,
      agentVersion: self.configuration.agentVersion,
      startedAt: self.startedAt,
      protocols: self.router.protocolIDs,
      listenAddresses: self.transport.listenAddresses,
      announceAddresses: self.profile.addresses(),
      observedAddresses: self.observed.counts,
      listeners: self.transport.listeners,
      peersByState: peersByState,
      connectionsByState: connectionsByState,
      connectionsByDirection: connectionsByDirection,
      streams: 0,
      draining: self.phase == .draining || self.phase == .stopped)
    for figures in await self.figures(of: connections) {
      info.streams += (figures?.streamsInbound ?? 0) + (figures?.streamsOutbound ?? 0)
    }
    return info
  }

  /// Known peers, in the order of their ids.
  package func peers() async -> [PeerInfo] {
    await self.describe(self.peerTable.sorted)
  }

  package func peer(_ id: PeerID) async -> PeerInfo? {
    guard let record = self.peerTable[id] else { return nil }
    return await self.describe([record]).first
  }

  /// Live connections, oldest first.
  package func connections() async -> [ConnectionInfo] {
    await self.describe(self.connectionTable.values.sorted { $0.number < $1.number })
  }

  package func connection(_ id: String) async -> ConnectionInfo? {
    guard let record = self.connectionTable[id] else { return nil }
    return await self.describe([record]).first
  }

  /// The oldest live connection to `peer` that is not being closed, to open streams on.
  package func liveConnection(to peer: PeerID) -> (any Connection)? {
    for id in self.peerTable[peer]?.connections ?? [] {
      if let record = self.connectionTable[id], record.lifecycle.state == .connected { return record.connection }
    }
    return nil
  }

  private func describe(_ records: [PeerRecord]) async -> [PeerInfo] {
    let connections = records.map { record in
      record.connections.compactMap { self.connectionTable[$0]?.connection }
    }
    // One hop to the transport for all of them.
    var figures = await self.figures(of: connections.flatMap { $0 })[...]
    return zip(records, connections).map { record, connections in
      let own = figures.prefix(connections.count)
      figures = figures.dropFirst(connections.count)
      return PeerInfo(
        peerID: record.id,
        state: record.lifecycle.state,
        stateSince: record.stateSince,
        direction: connections.first?.direction,
        agentVersion: record.agentVersion,
        protocols: record.protocols,
        connections: record.connections,
        firstSeenAt: record.firstSeenAt,
        lastSeenAt: own.compactMap { $0?.lastActivityAt }.max() ?? record.lastSeenAt,
        connectedAt: record.connectedAt,
        lastDisconnect: record.lastDisconnect,
        flapCount: record.flapCount,
        rtt: own.compactMap { $0?.rttSmoothed }.min(),
        bytesIn: own.reduce(0) { $0 + ($1?.bytesIn ?? 0) },
        bytesOut: own.reduce(0) { $0 + ($1?.bytesOut ?? 0) },
        failureCount: record.failureCount,
        addresses: record.addresses)
    }
  }

  func describe(_ records: [ConnectionRecord]) async -> [ConnectionInfo] {
    let figures = await self.figures(of: records.map(\.connection))
    return zip(records, figures).map { record, figures in
      let connection = record.connection
      return ConnectionInfo(
        id: connection.id,
        peerID: connection.remotePeer,
        state: record.lifecycle.state,
        direction: connection.direction,
        localAddress: connection.localAddress,
        remoteAddress: connection.remoteAddress,
        openedAt: connection.openedAt,
        handshake: connection.handshakeDuration,
        security: connection.security,
        quicVersion: connection.quicVersion,
        statistics: figures)
    }
  }

  /// Runs on the transport's executor, so that asking each connection costs no hop.
  private nonisolated func figures(of connections: [any Connection]) async -> [ConnectionStatistics?] {
    if connections.isEmpty { return [] }
    return await withTaskExecutorPreference(self.transport.streamExecutor) {
      var figures: [ConnectionStatistics?] = []
      figures.reserveCapacity(connections.count)
      for connection in connections { figures.append(await connection.statistics()) }
      return figures
    }
  }
}
