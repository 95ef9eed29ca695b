package import P2PCore

// What lists of the host can be asked for, so that a page costs what is on it.

/// One page of a list.
package struct Listing<Item: Sendable, Cursor: Sendable>: Sendable {
  package var items: [Item]
  /// Of all pages.
  package var total: Int
  /// Of the last item, where more follow it.
  package var next: Cursor?

  package init(items: [Item], total: Int, next: Cursor?) {
    self.items = items
    self.total = total
    self.next = next
  }
}

/// Known peers, in the order of their ids' bytes. An empty set is any.
package struct PeerQuery: Sendable {
  package var states: Set<LinkState> = []
  package var directions: Set<Direction> = []
  package var pinned: Set<Bool> = []
  package var blocked: Set<Bool> = []
  /// Begins behind this peer, known or not.
  package var after: PeerID?
  package var limit: Int

  package init(limit: Int = .max) { self.limit = limit }

  var isFiltered: Bool {
    !(self.states.isEmpty && self.directions.isEmpty && self.pinned.isEmpty && self.blocked.isEmpty)
  }

  package func matches(
    state: LinkState, direction: @autoclosure () -> Direction?, pinned: Bool, blocked: @autoclosure () -> Bool
  ) -> Bool {
    (self.states.isEmpty || self.states.contains(state)) && (self.pinned.isEmpty || self.pinned.contains(pinned))
      && (self.directions.isEmpty || direction().map(self.directions.contains) ?? false)
      && (self.blocked.isEmpty || self.blocked.contains(blocked()))
  }
}

/// Connections: live ones, the oldest first, or closed ones, the newest first. An empty set is any.
package struct ConnectionQuery: Sendable {
  package var peers: Set<PeerID> = []
  /// Of live ones.
  package var states: Set<LinkState> = []
  package var directions: Set<Direction> = []
  /// Begins behind the one with this cursor.
  package var after: UInt64?
  package var limit: Int

  package init(limit: Int = .max) { self.limit = limit }

  var isFiltered: Bool { !(self.peers.isEmpty && self.states.isEmpty && self.directions.isEmpty) }

  package func matches(peer: PeerID, state: LinkState?, direction: Direction) -> Bool {
    (self.peers.isEmpty || self.peers.contains(peer))
      && (self.directions.isEmpty || self.directions.contains(direction))
      && (self.states.isEmpty || state.map(self.states.contains) ?? false)
  }
}

extension Host {
  package func peers(_ query: PeerQuery) async -> Listing<PeerInfo, PeerID> {
    let now = self.clock.wall()
    // Nobody else can be pinned.
    let inBook = query.pinned == [true]
    let page = self.peerTable.page(
      after: query.after, limit: query.limit, inBook: inBook, isFiltered: query.isFiltered
    ) { record in
      query.matches(
        state: record.lifecycle.state,
        direction: record.connections.first.flatMap { self.connectionTable[$0]?.connection.direction },
        pinned: record.pinned, blocked: self.gate.blockingEntry(of: record.id, now: now) != nil)
    }
    return Listing(
      items: await self.describe(page.items), total: page.total, next: page.next)
  }

  package func connections(_ query: ConnectionQuery) async -> Listing<ConnectionInfo, UInt64> {
    let records: [ConnectionRecord]
    if query.peers.isEmpty {
      records = self.connectionTable.values.sorted { $0.number < $1.number }
    } else {
      records = query.peers.flatMap { self.peerTable[$0]?.connections ?? [] }.compactMap { self.connectionTable[$0] }
        .sorted { $0.number < $1.number }
    }
    let matching = records.filter {
      query.matches(peer: $0.connection.remotePeer, state: $0.lifecycle.state, direction: $0.connection.direction)
    }
    let rest = matching.drop { record in query.after.map { record.number <= $0 } ?? false }
    let page = Array(rest.prefix(query.limit))
    return Listing(
      items: await self.describe(page), total: matching.count,
      next: page.count < rest.count ? page.last?.number : nil)
  }

  /// The history.
  package func closedConnections(_ query: ConnectionQuery) async -> Listing<ClosedConnectionInfo, UInt64> {
    var listing = Listing<ClosedConnectionInfo, UInt64>(items: [], total: 0, next: nil)
    var last: UInt64?
    let ring = self.closedConnectionRing
    // Where nothing is filtered, nothing but the page is looked at.
    for (number, closed) in ring.newestFirst(before: query.isFiltered ? nil : query.after) {
      let connection = closed.connection
      guard query.matches(peer: connection.peerID, state: nil, direction: connection.direction) else { continue }
      listing.total += 1
      if let after = query.after, number >= after { continue }
      if listing.items.count < query.limit {
        listing.items.append(closed)
        last = number
      } else {
        listing.next = last
        if !query.isFiltered { break }
      }
    }
    if !query.isFiltered { listing.total = ring.count }
    return listing
  }
}
