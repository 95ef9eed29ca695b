internal import Jansson
internal import P2PCore
internal import P2PHost

// What the host tells, as the contract names it.

extension NodeInfo {
  func json(version: String, now: Int64) -> JSON {
    [
      "peer_id": JSON(self.peerID),
      "public_key": .string(base64(self.publicKey.protobuf)),
      "agent_version": .string(self.agentVersion),
      "version": .string(version),
      "started_at": JSON(time: self.startedAt),
      "uptime_seconds": .double(Double(max(0, now - self.startedAt)) / 1_000),
      "draining": .bool(self.draining),
      "protocols": JSON(self.protocols),
      "listen_addresses": JSON(self.listenAddresses),
      "announce_addresses": JSON(self.announceAddresses),
      "observed_addresses": .array(
        self.observedAddresses.map { ["address": JSON($0.address), "observers": JSON($0.observers)] }),
      "listeners": .array(self.listeners.map { ["address": JSON($0.address), "error": JSON($0.error)] }),
      "counts": [
        "peers": Self.counts(LinkState.allCases, self.peersByState),
        "connections": [
          "state": Self.counts(LinkState.allCases, self.connectionsByState),
          "direction": Self.counts(Direction.allCases, self.connectionsByDirection),
        ],
        "streams": JSON(self.streams),
      ],
      "limits": .array(
        self.limits.map { ["scope": .string($0.scope), "used": JSON($0.used), "limit": JSON($0.limit)] }),
    ]
  }

  /// Every case has its member: there, nothing counted is a true zero.
  private static func counts<Key: RawRepresentable & Hashable>(_ keys: [Key], _ counts: [Key: Int]) -> JSON
  where Key.RawValue == String {
    .object(JSON.Object(keys.map { .init($0.rawValue, JSON(counts[$0] ?? 0)) }))
  }
}

extension PeerInfo {
  func json() -> JSON {
    [
      "peer_id": JSON(self.peerID),
      "name": JSON(self.name),
      "state": .string(self.state.rawValue),
      "state_since": JSON(time: self.stateSince),
      "pinned": .bool(self.pinned),
      "paused": .bool(self.paused),
      "blocked": .bool(self.blocked),
      "direction": JSON(self.direction?.rawValue),
      "agent_version": JSON(self.agentVersion),
      "protocols": JSON(self.protocols),
      "connections": JSON(self.connections),
      "first_seen_at": JSON(time: self.firstSeenAt),
      "last_seen_at": JSON(time: self.lastSeenAt),
      "connected_at": JSON(time: self.connectedAt),
      "last_disconnect": self.lastDisconnect?.json() ?? .null,
      "flap_count": JSON(self.flapCount),
      "rtt_ms": JSON(milliseconds: self.rtt),
      "bytes_in": JSON(self.bytesIn),
      "bytes_out": JSON(self.bytesOut),
      "next_attempt_at": JSON(time: self.nextAttemptAt),
      "backoff_ms": JSON(wholeMilliseconds: self.backoff),
      "failure_count": JSON(self.failureCount),
      "addresses": .array(self.addresses.map { $0.json() }),
    ]
  }
}

extension PeerInfo.Disconnect {
  func json() -> JSON {
    [
      "at": JSON(time: self.at),
      "reason": .string(self.reason.reason),
      "code": JSON(self.reason.code),
      "initiator": .string(self.reason.initiator.rawValue),
    ]
  }
}

extension PeerInfo.Address {
  func json() -> JSON {
    [
      "address": JSON(self.address),
      "source": .string(self.source),
      "last_attempt_at": JSON(time: self.lastAttemptAt),
      "last_success_at": JSON(time: self.lastSuccessAt),
      "last_error": self.lastError.map {
        ["class": .string($0.class.rawValue), "detail": .string($0.detail)]
      } ?? .null,
    ]
  }
}

extension ClosedConnectionInfo {
  /// As a live one, with how it ended.
  func json() -> JSON {
    .object(
      JSON.Object(
        self.connection.members + [
          .init("closed_at", JSON(time: self.closedAt)),
          .init(
            "close",
            [
              "reason": .string(self.reason.reason), "code": JSON(self.reason.code),
              "initiator": .string(self.reason.initiator.rawValue), "error": JSON(self.reason.detail),
            ]),
        ]))
  }
}

extension DialInfo {
  func json() -> JSON {
    [
      "id": .string(self.id),
      "peer_id": self.peerID.map { JSON($0) } ?? .null,
      "addresses": JSON(self.addresses),
      "state": .string(self.state.rawValue),
      "started_at": JSON(time: self.startedAt),
      "ended_at": JSON(time: self.endedAt),
      "connection_id": JSON(self.connectionID),
      "attempts": .array(self.attempts.map { $0.json() }),
      "error": JSON(self.error),
    ]
  }
}

extension Blocklist.Record {
  func json() -> JSON {
    [
      "entry": .string(self.entry.description), "reason": JSON(self.reason), "created_at": JSON(time: self.createdAt),
      "expires_at": JSON(time: self.expiresAt),
    ]
  }
}

extension UnknownPeers.Entry {
  func json() -> JSON {
    [
      "peer_id": JSON(self.peer), "remote_address": JSON(self.address), "first_seen_at": JSON(time: self.firstSeenAt),
      "last_seen_at": JSON(time: self.lastSeenAt), "count": JSON(self.count),
    ]
  }
}

extension ConnectionInfo {
  func json() -> JSON { .object(JSON.Object(self.members)) }

  fileprivate var members: [JSON.Object.Member] {
    let figures = self.statistics
    let json: JSON = [
      "id": .string(self.id),
      "peer_id": JSON(self.peerID),
      "state": .string(self.state.rawValue),
      "direction": .string(self.direction.rawValue),
      "local_address": JSON(self.localAddress),
      "remote_address": JSON(self.remoteAddress),
      "opened_at": JSON(time: self.openedAt),
      "handshake_ms": JSON(milliseconds: self.handshake),
      "streams": figures.map { ["inbound": JSON($0.streamsInbound), "outbound": JSON($0.streamsOutbound)] } ?? .null,
      "bytes_in": JSON(figures?.bytesIn),
      "bytes_out": JSON(figures?.bytesOut),
      "packets_in": JSON(figures?.packetsIn),
      "packets_out": JSON(figures?.packetsOut),
      "packets_lost": JSON(figures?.packetsLost),
      "rtt_ms": [
        "latest": JSON(milliseconds: figures?.rttLatest),
        "smoothed": JSON(milliseconds: figures?.rttSmoothed),
        "min": JSON(milliseconds: figures?.rttMinimum),
        "variance": JSON(milliseconds: figures?.rttVariance),
      ],
      "congestion_window": JSON(figures?.congestionWindow),
      "bytes_in_flight": JSON(figures?.bytesInFlight),
      "mtu": JSON(figures?.mtu),
      "security": [
        "tls_version": .string(self.security.tlsVersion),
        "cipher": .string(self.security.cipher),
        "group": .string(self.security.group),
        "key_type": .string(self.security.keyType.name),
      ],
      "quic_version": .string(self.quicVersion),
      "last_activity_at": JSON(time: figures?.lastActivityAt),
      "keep_alive_ms": JSON(wholeMilliseconds: figures?.keepAlive),
    ]
    guard case .object(let object) = json else { return [] }
    return object.members
  }
}

extension DialAttempt {
  func json() -> JSON {
    [
      "address": JSON(self.address),
      "resolved_from": self.resolvedFrom.map { JSON($0) } ?? .null,
      "started_at": JSON(time: self.startedAt),
      "ended_at": JSON(time: self.endedAt),
      "outcome": .string(self.outcome.rawValue),
      "error": JSON(self.error),
    ]
  }
}
