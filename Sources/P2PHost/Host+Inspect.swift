package import P2PCore

// What the host tells about itself.

extension Host {
  package func node() async -> NodeInfo {
    // What is said of the quorum fits the counts beside it.
    self.updateQuorum(self.clock.monotonic())
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
      network: self.configuration.network,
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
      traffic: self.closedTraffic,
      limits: self.limits,
      pinned: self.pinnedCounts(),
      quorum: QuorumInfo(
        required: self.quorum.required, isMet: self.quorum.isReady,
        countsAgreements: self.configuration.countsAgreements),
      keeping: KeepingInfo(
        dials: self.dialJobs.count, waiting: self.retries.count, blocklistEntries: self.gate.blocklist.count,
        unknownPeers: self.unknownPeerTable.entries.count),
      draining: self.phase == .draining || self.phase == .stopped)
    for (connection, now) in zip(connections, await self.figures(of: connections)) {
      info.streams += (now?.streamsInbound ?? 0) + (now?.streamsOutbound ?? 0)
      // One that went while we asked is not in `closedTraffic` as it was then.
      if let figures = now ?? connection.finalStatistics { info.traffic.add(figures) }
    }
    return info
  }

  package func transportFigures() async -> TransportFigures { await self.transport.figures() }

  private var limits: [LimitInfo] {
    let limits = self.configuration.limits
    let counts = self.connectionCounts
    func info(_ key: String, _ used: Int, _ limit: Int) -> LimitInfo {
      LimitInfo(scope: "limits.\(key)", used: used, limit: limit == 0 ? nil : limit)
    }
    return [
      info("connections", counts.total, limits.connections.total),
      info("connections_inbound", counts.inbound, limits.connections.inbound),
      info("connections_outbound", counts.outbound, limits.connections.outbound),
      info("high_water", counts.total, limits.water?.upperBound ?? 0),
    ]
  }

  package func peer(_ id: PeerID) async -> PeerInfo? {
    guard let record = self.peerTable[id], !record.isForgotten else { return nil }
    return await self.describe([record]).first
  }

  package func connection(_ id: String) async -> ConnectionInfo? {
    guard let record = self.connectionTable[id] else { return nil }
    return await self.describe([record]).first
  }

  /// The live connection to `peer` to open streams on, none that is being closed: where two nodes dialled each other
  /// at the same moment, the one that both keep, otherwise the oldest.
  package func liveConnection(to peer: PeerID) -> (any Connection)? {
    var oldest: (any Connection)?
    for id in self.peerTable[peer]?.connections ?? [] {
      guard let record = self.connectionTable[id], record.lifecycle.state == .connected else { continue }
      if record.connection.direction == SimultaneousDial.keptDirection(local: self.localPeer, remote: peer) {
        return record.connection
      }
      oldest = oldest ?? record.connection
    }
    return oldest
  }

  /// Opens a stream to `peer` for one of `protocols` (the preferred one first), dialling it where nothing is
  /// connected. The stream does not wait for identify.
  package func openStream(
    to peer: PeerID, protocols: [String], timeout: Duration? = nil
  ) async throws -> ProtocolStream {
    if self.liveConnection(to: peer) == nil {
      let result = await self.dial(peer: peer, addresses: [], timeout: timeout)
      if let error = result.error { throw error }
    }
    guard let connection = self.liveConnection(to: peer) else {
      throw DialError(.handshakeFailed, "the connection was closed as soon as it was open", temporary: true)
    }
    return try await ProtocolStream.open(on: connection, protocols: protocols)
  }

  func describe(_ records: [PeerRecord]) async -> [PeerInfo] {
    var connections: [any Connection] = []
    // Behind the last connection of each peer.
    var ends: [Int] = []
    for index in records.indices {
      for id in records[index].connections {
        if let connection = self.connectionTable[id]?.connection { connections.append(connection) }
      }
      ends.append(connections.count)
    }
    // One hop to the transport for all of them.
    let figures = await self.figures(of: connections)
    let now = self.clock.wall()
    var start = 0
    return zip(records, ends).map { record, end in
      let own = figures[start..<end]
      defer { start = end }
      return PeerInfo(
        peerID: record.id,
        name: record.name,
        state: record.lifecycle.state,
        stateSince: record.stateSince,
        pinned: record.pinned,
        paused: record.paused,
        blocked: self.gate.blockingEntry(of: record.id, now: now) != nil,
        direction: own.isEmpty ? nil : connections[start].direction,
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
        nextAttemptAt: record.nextAttemptAt,
        backoff: record.wait,
        failureCount: record.failureCount,
        addresses: record.addresses,
        agreement: record.agreement,
        agreementFailure: record.agreementFailure)
    }
  }

  func describe(_ records: [ConnectionRecord]) async -> [ConnectionInfo] {
    let figures = await self.figures(of: records.map(\.connection))
    return zip(records, figures).map { Self.info($0, state: $0.lifecycle.state, $1) }
  }

  static func info(
    _ record: ConnectionRecord, state: LinkState, _ figures: ConnectionStatistics?
  ) -> ConnectionInfo {
    let connection = record.connection
    return ConnectionInfo(
      id: connection.id,
      peerID: connection.remotePeer,
      state: state,
      direction: connection.direction,
      localAddress: connection.localAddress,
      remoteAddress: connection.remoteAddress,
      openedAt: connection.openedAt,
      handshake: connection.handshakeDuration,
      security: connection.security,
      quicVersion: connection.quicVersion,
      statistics: figures)
  }

  func figures(of connections: [any Connection]) async -> [ConnectionStatistics?] {
    connections.isEmpty ? [] : await self.transport.statistics(of: connections)
  }
}
