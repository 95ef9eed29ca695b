internal import Logging
package import P2PCore

// The protocols that a host speaks as a client.

extension Host {
  /// Bytes of a peer's agent version that are kept.
  static let agentVersionBytesMax = 256
  /// Protocols of a peer that are kept.
  static let peerProtocolsMax = 512
  /// Pushes that run at a time.
  static let pushesParallelMax = 16
  /// Pings of one call.
  package static let pingsMax = 1_000

  /// Nil when not connected. One stream a ping, on whichever connection lives then; results in order.
  package func ping(_ peer: PeerID, count: Int, timeout: Duration) async -> [PingResult]? {
    guard self.liveConnection(to: peer) != nil else { return nil }
    var results: [PingResult] = []
    for _ in 0..<min(max(count, 0), Self.pingsMax) {
      if Task.isCancelled { break }
      guard let connection = self.liveConnection(to: peer) else {
        results.append(PingResult(rtt: nil, error: "not connected any more"))
        break
      }
      results.append(await self.ping(connection, timeout: timeout))
    }
    return results
  }

  private nonisolated func ping(_ connection: any Connection, timeout: Duration) async -> PingResult {
    await withTaskExecutorPreference(self.transport.streamExecutor) { [clock] in
      do {
        let roundTrip = try await clock.limit(timeout) { try await PingProtocol.measure(on: connection, clock: clock) }
        return PingResult(rtt: roundTrip, error: nil)
      } catch {
        return PingResult(rtt: nil, error: "\(error)")
      }
    }
  }

  /// Uploads `upload` bytes to `peer` and downloads `download`; nil when not connected.
  package nonisolated func perf(_ peer: PeerID, upload: UInt64, download: UInt64) async throws -> PerfResult? {
    guard let connection = await self.liveConnection(to: peer) else { return nil }
    return try await withTaskExecutorPreference(self.transport.streamExecutor) { [clock] in
      try await PerfProtocol.measure(on: connection, upload: upload, download: download, clock: clock)
    }
  }

  // MARK: Identify

  /// Asks a new connection's peer who it is; nothing waits for the answer.
  func identify(_ connection: any Connection) -> Task<Void, Never> {
    Task(executorPreference: self.transport.streamExecutor) { [weak self] in await self?.askIdentity(of: connection) }
  }

  private nonisolated func askIdentity(of connection: any Connection) async {
    do {
      try await self.clock.limit(self.configuration.limits.identifyTimeout) {
        try await IdentifyProtocol.query(on: connection) { await self.identified($0, on: connection) }
      }
    } catch {
      let fields = [("peer", "\(connection.remotePeer)"), ("error", "\(error)")]
      if (error as? ProtocolStreamError)?.isViolation == true {
        self.limitedLog.log(.notice, key: "identify \(connection.remotePeer)", "identify failed", fields)
      } else {
        self.log.debug("identify failed", fields)
      }
    }
  }

  /// Takes over what a peer told about itself. A message may hold a part only; the rest stays.
  func identified(_ message: IdentifyMessage, on connection: any Connection) {
    // A push may come on the first stream, before the hop that tells of the connection.
    self.drainInbox()
    let peer = connection.remotePeer
    guard self.connectionTable[connection.id] != nil else { return }
    if let key = message.publicKey, key != connection.remotePublicKey.protobuf {
      self.log.debug("identify names a foreign key", [("peer", "\(peer)")])
      return
    }
    let isEmpty = message.agentVersion == nil && message.protocols.isEmpty && message.listenAddresses.isEmpty
    if let agent = message.agentVersion {
      self.peerTable[peer]?.agentVersion = String(
        decoding: agent.utf8.prefix(Self.agentVersionBytesMax), as: UTF8.self)
    }
    if !message.protocols.isEmpty {
      self.connectionTable[connection.id]?.isIdentified = true
      self.peerTable[peer]?.protocols = message.protocols
        .filter { $0.utf8.count <= ProtocolTable.idBytesMax }.prefix(Self.peerProtocolsMax).sorted()
    }
    let addressesMax = self.configuration.limits.addressesPerPeerMax
    let isLocal = connection.remoteAddress.isLoopback
    for address in message.listenAddresses.prefix(addressesMax)
    where Self.isDialable(address) && (isLocal || !address.isLoopback) {
      self.peerTable[peer]?.add(address, source: "identify", maximum: addressesMax)
    }
    self.peerTable[peer]?.lastSeenAt = self.clock.wall()
    if !isEmpty, let record = self.peerTable[peer] {
      self.publish(
        "peer.identified", peer: peer, connection: connection.id,
        fields: [
          ("agent_version", EventValue(record.agentVersion)), ("protocols", EventValue(record.protocols)),
          ("addresses", EventValue(record.addresses.map { "\($0.address)" })),
        ])
    }
    if let observed = message.observedAddress?.withoutPeerID, Self.isDialable(observed),
      let observers = self.observed.note(observed, by: peer)
    {
      self.publish(
        "address.observed", peer: peer, connection: connection.id,
        fields: [("address", .string("\(observed)")), ("observers", .int(Int64(observers)))])
    }
  }

  static func isDialable(_ address: Multiaddr) -> Bool {
    do {
      _ = try address.quicTarget()
      return true
    } catch {
      return false
    }
  }

  /// Soon tells the connected peers what changed; one round for all that changes until it begins.
  func schedulePush() {
    guard self.phase == .running, !self.pushScheduled else { return }
    self.pushScheduled = true
    Task { await self.pushIdentify() }
  }

  /// Tells every connected peer that listens for it what this node is now. For whoever changes the listen or
  /// announce addresses; registering a protocol does it by itself. Returns when all were told or gave up.
  package func pushIdentify() async {
    self.pushScheduled = false
    let connections = self.connectionTable.values.filter { record in
      record.lifecycle.state == .connected
        && self.peerTable[record.connection.remotePeer]?.protocols.contains(IdentifyPushProtocol.protocolID) == true
    }.map(\.connection)
    await self.push(to: connections)
  }

  private nonisolated func push(to connections: [any Connection]) async {
    let profile = self.profile
    let timeout = self.configuration.limits.identifyTimeout
    await withTaskGroup(of: Void.self) { [clock, log] group in
      for (index, connection) in connections.enumerated() {
        if index >= Self.pushesParallelMax { await group.next() }
        group.addTask(executorPreference: self.transport.streamExecutor) {
          do {
            let message = profile.message(to: connection.remoteAddress, isPush: true)
            try await clock.limit(timeout) { try await IdentifyPushProtocol.push(message, on: connection) }
          } catch {
            log.debug("identify push failed", [("peer", "\(connection.remotePeer)"), ("error", "\(error)")])
          }
        }
      }
    }
  }
}
