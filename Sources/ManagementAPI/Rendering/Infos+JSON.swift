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
      "network": JSON(self.network),
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

extension PeerInfo: JSONWritable {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("peer_id", JSON(self.peerID))
      json.member("name", JSON(self.name))
      json.member("state", .string(self.state.rawValue))
      json.member("state_since", time: self.stateSince)
      json.member("pinned", .bool(self.pinned))
      json.member("paused", .bool(self.paused))
      json.member("blocked", .bool(self.blocked))
      json.member("direction", JSON(self.direction?.rawValue))
      json.member("agent_version", JSON(self.agentVersion))
      json.member("protocols", self.protocols)
      json.member("connections", self.connections)
      json.member("first_seen_at", time: self.firstSeenAt)
      json.member("last_seen_at", time: self.lastSeenAt)
      json.member("connected_at", time: self.connectedAt)
      json.member("last_disconnect", self.lastDisconnect)
      json.member("flap_count", JSON(self.flapCount))
      json.member("rtt_ms", JSON(milliseconds: self.rtt))
      json.member("bytes_in", JSON(self.bytesIn))
      json.member("bytes_out", JSON(self.bytesOut))
      json.member("next_attempt_at", time: self.nextAttemptAt)
      json.member("backoff_ms", JSON(wholeMilliseconds: self.backoff))
      json.member("failure_count", JSON(self.failureCount))
      json.member("federation", self.agreement)
      json.member("federation_error", self.agreementFailure)
      json.member("addresses", self.addresses)
    }
  }
}

extension PeerInfo.Disconnect: JSONWritable {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("at", time: self.at)
      json.member("reason", .string(self.reason.reason))
      json.member("code", JSON(self.reason.code))
      json.member("initiator", .string(self.reason.initiator.rawValue))
    }
  }
}

extension PeerAgreement: JSONWritable {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("version", .string(self.version))
      json.member("network", .string(self.network))
      json.member("capabilities", self.capabilities)
      json.member("agent", .string(self.agent))
      json.member("frame_limit", JSON(self.frameLimit))
      json.member("clock_offset_ms", JSON(self.clockOffset))
      json.member("since", time: self.since)
    }
  }
}

extension PeerAgreementFailure: JSONWritable {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("code", .string(self.code))
      json.member("detail", .string(self.detail))
      json.member("by", .string(self.by.rawValue))
      json.member("permanent", .bool(self.isPermanent))
      json.member("at", time: self.at)
    }
  }
}

extension PeerInfo.Address: JSONWritable {
  func write(to json: inout JSONWriter) {
    json.object { json in
      json.member("address", JSON(self.address))
      json.member("source", .string(self.source))
      json.member("last_attempt_at", time: self.lastAttemptAt)
      json.member("last_success_at", time: self.lastSuccessAt)
      json.member(
        "last_error",
        self.lastError.map { ["class": .string($0.class.rawValue), "detail": .string($0.detail)] } ?? .null)
    }
  }
}

extension ClosedConnectionInfo: JSONWritable {
  /// As a live one, with how it ended.
  func write(to json: inout JSONWriter) {
    json.object { json in
      self.connection.writeMembers(to: &json)
      json.member("closed_at", time: self.closedAt)
      json.member(
        "close",
        [
          "reason": .string(self.reason.reason), "code": JSON(self.reason.code),
          "initiator": .string(self.reason.initiator.rawValue), "error": JSON(self.reason.detail),
        ])
    }
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

extension ConnectionInfo: JSONWritable {
  func write(to json: inout JSONWriter) {
    json.object { self.writeMembers(to: &$0) }
  }

  fileprivate func writeMembers(to json: inout JSONWriter) {
    let figures = self.statistics
    json.member("id", .string(self.id))
    json.member("peer_id", JSON(self.peerID))
    json.member("state", .string(self.state.rawValue))
    json.member("direction", .string(self.direction.rawValue))
    json.member("local_address", JSON(self.localAddress))
    json.member("remote_address", JSON(self.remoteAddress))
    json.member("opened_at", time: self.openedAt)
    json.member("handshake_ms", JSON(milliseconds: self.handshake))
    json.name("streams")
    if let figures {
      json.object { json in
        json.member("inbound", JSON(figures.streamsInbound))
        json.member("outbound", JSON(figures.streamsOutbound))
      }
    } else {
      json.put(.null)
    }
    json.member("bytes_in", JSON(figures?.bytesIn))
    json.member("bytes_out", JSON(figures?.bytesOut))
    json.member("packets_in", JSON(figures?.packetsIn))
    json.member("packets_out", JSON(figures?.packetsOut))
    json.member("packets_lost", JSON(figures?.packetsLost))
    json.name("rtt_ms")
    json.object { json in
      json.member("latest", JSON(milliseconds: figures?.rttLatest))
      json.member("smoothed", JSON(milliseconds: figures?.rttSmoothed))
      json.member("min", JSON(milliseconds: figures?.rttMinimum))
      json.member("variance", JSON(milliseconds: figures?.rttVariance))
    }
    json.member("congestion_window", JSON(figures?.congestionWindow))
    json.member("bytes_in_flight", JSON(figures?.bytesInFlight))
    json.member("mtu", JSON(figures?.mtu))
    json.name("security")
    json.object { json in
      json.member("tls_version", .string(self.security.tlsVersion))
      json.member("cipher", .string(self.security.cipher))
      json.member("group", .string(self.security.group))
      json.member("key_type", .string(self.security.keyType.name))
    }
    json.member("quic_version", .string(self.quicVersion))
    json.member("last_activity_at", time: figures?.lastActivityAt)
    json.member("keep_alive_ms", JSON(wholeMilliseconds: figures?.keepAlive))
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
