/// What one client is sent next: a place in the journal, which all clients share, and the frame that it is sent now.
/// Nothing is stored for a client but that, however slow it is.
struct EventReader: Sendable {
  /// Events that it may be behind once it had caught up; with the next one it starts over.
  static let queueMax = 1_024
  /// Events that one call looks at for one that the filter lets through.
  static let scanMax = 1_024

  enum Start: Sendable {
    /// Events to come, from this one on.
    case live(UInt64)
    /// This event and those behind it.
    case replay(UInt64)
    case snapshot
    case reset(EventFormat.ResetReason)
  }

  enum OnRead: Equatable {
    case bytes(Int)
    /// `isWaiting` from now on.
    case nothing
    /// As `nothing`; and `snapshot` is to be called with one that is made from now on.
    case wantsSnapshot
    /// To be called again: there may be more.
    case unfinished
  }

  enum OnPublished: Equatable {
    case nothing
    case wake
    /// It was too slow.
    case overflowed
  }

  private enum Phase {
    /// It was sent all there was. `pending` events from `next` on that it wants are in the journal.
    case live(next: UInt64, pending: Int)
    /// It is behind, which costs nobody anything, until the journal has `next` no more.
    case replay(next: UInt64)
    case reset(EventFormat.ResetReason)
    case wantsSnapshot
    case awaitsSnapshot
    case snapshot([UInt8], number: UInt64)
  }

  let filter: EventFilter
  private let format: EventFormat
  private var phase: Phase
  private var heartbeatDue = false
  /// What is being sent, and how far it got.
  private var frame = EventFormat.retry
  private var offset = 0
  /// It has been given all there is; the input that brings more answers so once.
  private var isWaiting = false

  init(_ filter: EventFilter, _ start: Start, _ format: EventFormat) {
    self.filter = filter
    self.format = format
    self.phase =
      switch start {
      case .live(let number): .live(next: number, pending: 0)
      case .replay(let number): .replay(next: number)
      case .snapshot: .wantsSnapshot
      case .reset(let reason): .reset(reason)
      }
  }

  // MARK: Inputs

  /// Writes whole and partial frames as far as they fit.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer, _ journal: EventJournal) -> OnRead {
    self.isWaiting = false
    var written = 0
    while written < buffer.count {
      if self.offset == self.frame.count {
        self.frame = []
        self.offset = 0
        switch self.nextFrame(journal) {
        case .frame(let frame): self.frame = frame
        case .none(let why):
          if written > 0 { return .bytes(written) }
          self.isWaiting = why != .unfinished
          if why == .wantsSnapshot { self.phase = .awaitsSnapshot }
          return why
        }
      }
      let count = min(buffer.count - written, self.frame.count - self.offset)
      self.frame.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: buffer[written...]).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[self.offset..<(self.offset + count)]))
      }
      self.offset += count
      written += count
    }
    return .bytes(written)
  }

  /// The journal has a new event.
  mutating func published(_ entry: EventJournal.Entry, _ number: UInt64) -> OnPublished {
    guard case .live(let next, let pending) = self.phase, number >= next else { return .nothing }
    if pending == 0 && number != next {
      self.phase = .reset(.eventsMissed)
      return self.wake()
    }
    guard self.filter.matches(type: entry.type, peerID: entry.peerID) else {
      if pending == 0 { self.phase = .live(next: number + 1, pending: 0) }
      return .nothing
    }
    if pending == Self.queueMax {
      self.phase = .reset(.readerTooSlow)
      return .overflowed
    }
    self.phase = .live(next: next, pending: pending + 1)
    return self.wake()
  }

  /// The snapshot that it waits for, and up to which event it goes. True when it is to be woken.
  mutating func snapshot(_ frame: [UInt8], upTo number: UInt64) -> Bool {
    guard case .awaitsSnapshot = self.phase else { return false }
    self.phase = .snapshot(frame, number: number)
    return self.wake() == .wake
  }

  /// True when it is to be woken.
  mutating func heartbeat() -> Bool {
    self.heartbeatDue = true
    return self.wake() == .wake
  }

  private mutating func wake() -> OnPublished {
    defer { self.isWaiting = false }
    return self.isWaiting ? .wake : .nothing
  }

  // MARK: What comes next

  private enum NextFrame {
    case frame([UInt8])
    case none(OnRead)
  }

  private mutating func nextFrame(_ journal: EventJournal) -> NextFrame {
    if self.heartbeatDue {
      self.heartbeatDue = false
      return .frame(EventFormat.heartbeat)
    }
    switch self.phase {
    case .live(_, pending: 0), .awaitsSnapshot:
      return .none(.nothing)
    case .live(let next, let pending):
      // Behind the last one that it wants, it has looked at all there are.
      return self.nextEvent(journal, from: next) { next, isFound in
        let pending = isFound ? pending - 1 : pending
        return .live(next: pending == 0 ? journal.next : next, pending: pending)
      }
    case .replay(let next) where next >= journal.next:
      self.phase = .live(next: next, pending: 0)
      return .none(.nothing)
    case .replay(let next):
      return self.nextEvent(journal, from: next) { next, _ in .replay(next: next) }
    case .reset(let reason):
      self.phase = .wantsSnapshot
      return .frame(self.format.reset(oldest: journal.oldest, newest: journal.next - 1, reason))
    case .wantsSnapshot:
      return .none(.wantsSnapshot)
    case .snapshot(let frame, let number):
      self.phase = .replay(next: number + 1)
      return .frame(frame)
    }
  }

  /// The next event from `number` on that the filter lets through. `phase` is what comes after, by the event to look
  /// at next and whether one was found.
  private mutating func nextEvent(
    _ journal: EventJournal, from number: UInt64, then phase: (UInt64, Bool) -> Phase
  ) -> NextFrame {
    guard number >= journal.oldest else {
      self.phase = .reset(.eventsMissed)
      return .none(.unfinished)
    }
    let end = min(journal.next, number + UInt64(Self.scanMax))
    for number in number..<end {
      guard let entry = journal[number], self.filter.matches(type: entry.type, peerID: entry.peerID) else { continue }
      self.phase = phase(number + 1, true)
      return .frame(entry.frame)
    }
    self.phase = phase(end, false)
    return .none(.unfinished)
  }
}
