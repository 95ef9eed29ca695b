/// What a trimming knows of a connection.
package struct TrimCandidate: Sendable, Hashable {
  package var id: String
  package var isPinned: Bool
  /// Open streams.
  package var streams: Int
  package var openedFor: Duration
  package var idleFor: Duration
  /// The more, the more it is worth: the host's own weighing, 0 for a peer that it knows nothing of.
  package var rank: Int

  package init(id: String, isPinned: Bool, streams: Int, openedFor: Duration, idleFor: Duration, rank: Int = 0) {
    self.id = id
    self.isPinned = isPinned
    self.streams = streams
    self.openedFor = openedFor
    self.idleFor = idleFor
    self.rank = rank
  }
}

/// Which connections to close when there are many.
package struct TrimPolicy: Sendable, Hashable {
  /// Above this many, connections are closed; 0 is never. `limits.high_water`
  package var highWater: Int
  /// Down to this many. `limits.low_water`
  package var lowWater: Int
  /// A connection younger than this stays: it had no time to be of use.
  package var grace: Duration = .seconds(60)

  package init(lowWater: Int, highWater: Int) {
    self.lowWater = lowWater
    self.highWater = highWater
  }

  /// Ids to close, the first one first: the least worth, then those without streams, then the longest idle. Pinned
  /// and young ones are never among them, so that more than `lowWater` may remain.
  package func choose(from open: [TrimCandidate]) -> [String] {
    guard self.highWater > 0, open.count > self.highWater else { return [] }
    return
      open
      .filter { !$0.isPinned && $0.openedFor >= self.grace }
      .sorted { Self.key($0) < Self.key($1) }
      .prefix(open.count - min(self.lowWater, self.highWater))
      .map(\.id)
  }

  private static func key(_ candidate: TrimCandidate) -> (Int, Int, Duration, Duration, String) {
    (candidate.rank, candidate.streams, .zero - candidate.idleFor, candidate.openedFor, candidate.id)
  }
}
