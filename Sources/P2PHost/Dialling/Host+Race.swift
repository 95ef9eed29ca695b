internal import P2PCore

// The attempts of one dial, staggered (RFC 8305 §5): the next one begins when one has failed or its delay has
// passed, the first that connects wins, the others are cancelled.

extension Host {
  private enum Step: Sendable {
    case ended(Attempt)
    /// Time for the attempt with this index.
    case due(Int)
  }

  private struct Attempt: Sendable {
    let candidate: DialCandidate
    let startedAt: Int64
    let endedAt: Int64
    let result: Result<any Connection, DialError>
  }

  /// Tries `candidates`; the connection that won, or nil when all failed.
  func race(
    _ ranked: [(candidate: DialCandidate, delay: Duration)], _ dial: inout Dial
  ) async -> (any Connection)? {
    let limits = self.configuration.limits
    let deadline = dial.deadline
    let began = self.clock.monotonic()
    let beganAt = self.clock.wall()
    let candidates = ranked.map(\.candidate)
    var winner: (any Connection)?
    var next = 0
    await withTaskGroup(of: Step.self) { group in
      var running = 0
      var isDue = true
      while true {
        while winner == nil, isDue || running == 0, next < candidates.count, running < limits.dialParallelMax,
          self.mayBegin(before: deadline)
        {
          let candidate = candidates[next]
          next += 1
          running += 1
          isDue = false
          group.addTask { .ended(await self.attempt(candidate, before: deadline)) }
          let upcoming = next
          if upcoming < candidates.count {
            let delay = ranked[upcoming].delay - (self.clock.monotonic() - began)
            if delay <= .zero {
              isDue = true
            } else {
              group.addTask { [clock] in
                _ = await clock.pause(delay)
                return .due(upcoming)
              }
            }
          }
        }
        guard running > 0, let step = await group.next() else { break }
        switch step {
        case .due(let index):
          if index == next { isDue = true }
        case .ended(let attempt):
          running -= 1
          isDue = true
          if let connection = self.note(attempt, winner: winner, &dial) {
            winner = connection
            self.counters.attemptConnected(after: .milliseconds(max(0, attempt.startedAt - beganAt)))
            group.cancelAll()
          }
        }
      }
      group.cancelAll()
    }
    for candidate in candidates[next...] {
      self.skip(candidate.address, candidate.resolvedFrom, nil, &dial)
    }
    return winner
  }

  private func mayBegin(before deadline: Duration) -> Bool {
    !Task.isCancelled && self.phase == .running && self.clock.monotonic() < deadline
  }

  private nonisolated func attempt(_ candidate: DialCandidate, before deadline: Duration) async -> Attempt {
    let startedAt = self.clock.wall()
    let result =
      await self.attemptSlots.withSlot { () -> Result<any Connection, DialError> in
        do throws(DialError) {
          return .success(
            try await self.transport.dial(
              candidate.address, expecting: candidate.peer, timeout: deadline - self.clock.monotonic()))
        } catch {
          return .failure(error)
        }
      } ?? .failure(DialError(.cancelled, "cancelled before its turn", temporary: true))
    return Attempt(candidate: candidate, startedAt: startedAt, endedAt: self.clock.wall(), result: result)
  }

  /// The connection when it is the first; a second one is closed.
  private func note(_ attempt: Attempt, winner: (any Connection)?, _ dial: inout Dial) -> (any Connection)? {
    var connected: (any Connection)?
    let outcome: DialAttempt.Outcome
    var failure: DialError?
    switch attempt.result {
    case .success(let connection):
      // The books show it before anyone hears of it.
      self.drainInbox()
      if winner == nil {
        connected = connection
        dial.made = self.connectionTable[connection.id]
        outcome = .connected
      } else {
        connection.close(code: ConnectionCode.supplanted, reason: "another address was faster")
        outcome = .cancelled
      }
    case .failure(let error):
      outcome = error.class == .cancelled ? .cancelled : .failed
      failure = error
    }
    let candidate = attempt.candidate
    self.note(
      DialAttempt(
        address: candidate.address, resolvedFrom: candidate.resolvedFrom, startedAt: attempt.startedAt,
        endedAt: attempt.endedAt, outcome: outcome, error: failure), &dial, reached: connected?.remotePeer)
    return connected
  }
}
