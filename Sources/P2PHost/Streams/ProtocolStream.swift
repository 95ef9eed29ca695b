package import P2PCore
internal import Synchronization

/// A stream on which a protocol is spoken: a transport's stream with a read buffer and the negotiation.
///
/// `@unchecked Sendable`: one task reads and one task writes (they may be the same). `buffer`, `offset`,
/// `readEnded`, `awaitsFirstByte`, `proposal` and `protocolID` belong to the reader, `writeFinished` to the writer;
/// whoever takes the stream over does so after the former owner's task ended or was awaited.
package final class ProtocolStream: @unchecked Sendable {
  /// Bytes asked from the transport at once where the need is not known.
  static let readSize = 4096
  /// The same between messages: many small ones come in one piece.
  static let messageReadSize = 64 << 10
  /// Bytes that are reserved on the word of a length; a longer message grows as it comes.
  static let reservedMax = 1 << 20

  private let stream: any P2PCore.Stream
  // The runtime's exclusivity check costs as much as a small read; its reader alone uses this.
  @exclusivity(unchecked) private var buffer: [UInt8] = []
  /// Bytes of `buffer` that were read already.
  private var offset = 0
  private var readEnded = false
  private var proposal = Proposal.answered
  /// What the remote agreed to; nil until its answer was read, and on inbound streams.
  package private(set) var protocolID: String?
  private var writeFinished = false
  /// The protocol is agreed on and nothing of it has been read.
  private var awaitsFirstByte = false
  private let firstByte = Atomic<Bool>(false)

  /// Our only proposal, which left with the protocol's first bytes.
  private enum Proposal {
    /// There is none, or it was taken.
    case answered
    /// Nothing of the answer was read. Nearly every remote sends `answer`, which agrees, in one piece.
    case open(answer: [UInt8], id: String)
    case partlyAnswered(MultistreamInitiator)
  }

  /// For an inbound stream, to negotiate, and for tests.
  package init(_ stream: any P2PCore.Stream) {
    self.stream = stream
  }

  package var id: Int64 { self.stream.id }
  package var direction: Direction { self.stream.direction }
  /// Of an inbound stream: something of the protocol, or the end, has come and was read. Any thread.
  var firstByteWasRead: Bool { self.firstByte.load(ordering: .relaxed) }

  // MARK: Opening

  /// Opens a stream on `connection` and proposes `protocols`, the preferred one first; at least one.
  ///
  /// One protocol: the proposal and `firstPayload` leave in one write, and the remote's answer is looked at by the
  /// first read (libp2p's lazy negotiation). Several: the payload waits for the answer. `finish` ends our side
  /// behind the payload.
  package static func open(
    on connection: any Connection, protocols: [String], firstPayload: [UInt8] = [], finish: Bool = false
  ) async throws(ProtocolStreamError) -> ProtocolStream {
    precondition(!protocols.isEmpty, "a stream is opened for at least one protocol")
    if let id = protocols.first, protocols.count == 1 {
      let stream = try self.openNow(on: connection, protocolID: id, firstPayload: firstPayload, finish: finish)
      if let stream { return stream }
    }
    let opened: any P2PCore.Stream
    do { opened = try await connection.openStream() } catch { throw .stream(error) }
    let stream = ProtocolStream(opened)
    do throws(ProtocolStreamError) {
      if protocols.count == 1 {
        let bytes = stream.proposal(of: protocols[0], firstPayload)
        if try !stream.writeNow(bytes, finish: finish) { try await stream.write(bytes, finish: finish) }
      } else {
        try await stream.propose(protocols, firstPayload: firstPayload, finish: finish)
      }
    } catch {
      stream.reset(code: error.streamCode)
      throw error
    }
    return stream
  }

  /// As `open` for one protocol, on the transport's thread; nil, and nothing is done, elsewhere and when that would have
  /// to wait.
  package static func openNow(
    on connection: any Connection, protocolID: String, firstPayload: [UInt8] = [], finish: Bool = false
  ) throws(ProtocolStreamError) -> ProtocolStream? {
    if firstPayload.count > Self.messageReadSize { return nil }
    let opened: any P2PCore.Stream
    switch connection.openStreamNow() {
    case .success(let stream): opened = stream
    case .failure(let error): throw .stream(error)
    case nil: return nil
    }
    let stream = ProtocolStream(opened)
    do throws(ProtocolStreamError) {
      // A stream that was opened has room.
      _ = try stream.writeNow(stream.proposal(of: protocolID, firstPayload), finish: finish)
    } catch {
      stream.reset(code: error.streamCode)
      throw error
    }
    return stream
  }

  /// The only proposal with what goes with it; its answer is looked at later.
  private func proposal(of protocolID: String, _ firstPayload: [UInt8]) -> [UInt8] {
    let proposal = MultistreamInitiator.proposal(of: protocolID)
    self.proposal = .open(answer: proposal, id: protocolID)
    return firstPayload.isEmpty ? proposal : proposal + firstPayload
  }

  private func propose(
    _ protocols: [String], firstPayload: [UInt8], finish: Bool
  ) async throws(ProtocolStreamError) {
    var initiator = MultistreamInitiator(protocols: protocols)
    try await self.write(initiator.start())
    while true {
      let step: MultistreamInitiator.OnReceive
      do { step = try initiator.receive(&self.buffer) } catch { throw .notNegotiated("\(error)") }
      switch step {
      case .agreed(let id):
        self.protocolID = id
        if finish || !firstPayload.isEmpty { try await self.write(firstPayload, finish: finish) }
        return
      case .send(let bytes):
        try await self.write(bytes)
      case .needMore:
        guard try await self.fill(Self.readSize) else { throw Self.unanswered }
      }
    }
  }

  private static let unanswered = ProtocolStreamError.notNegotiated("the remote finished before it answered")

  /// Whether an answer to our only proposal is still to come.
  private var isUnanswered: Bool {
    if case .answered = self.proposal { false } else { true }
  }

  /// Looks for the answer to our only proposal in what is buffered; false when it is not all there.
  private func takeAnswer() throws(ProtocolStreamError) -> Bool {
    var initiator: MultistreamInitiator
    switch self.proposal {
    case .answered: return true
    case .open where self.buffer.isEmpty: return false
    case .open(let answer, let id):
      if self.buffer.begins(with: answer) {
        self.skip(answer.count)
        self.protocolID = id
        self.proposal = .answered
        return true
      }
      initiator = MultistreamInitiator(protocols: [id])
    case .partlyAnswered(let begun): initiator = begun
    }
    do {
      // All that was proposed is proposed already, so there is nothing to send.
      if case .agreed(let id) = try initiator.receive(&self.buffer) {
        self.protocolID = id
        self.proposal = .answered
        return true
      }
    } catch {
      self.notAgreed()
      throw .notNegotiated("\(error)")
    }
    self.proposal = .partlyAnswered(initiator)
    return false
  }

  /// What follows is not of our protocol.
  private func notAgreed() {
    self.proposal = .answered
    self.readEnded = true
    self.buffer = []
  }

  // MARK: Serving

  /// On the transport's thread, before any task has the stream: agrees at once where a whole proposal that `find` knows
  /// has come, with its answer. Nil when `negotiate` must do it.
  func negotiateNow<Found>(
    _ find: ([UInt8]) -> (proposal: [UInt8], found: Found)?
  ) throws(ProtocolStreamError) -> Found? {
    guard case .bytes(let bytes) = self.stream.readNow(upTo: Self.readSize) else { return nil }
    self.buffer = bytes
    guard let (proposal, found) = find(bytes) else { return nil }
    // There is room for the first bytes of a stream.
    guard try self.writeNow(proposal, finish: false) else { return nil }
    self.skip(proposal.count)
    self.agreed()
    return found
  }

  private func agreed() {
    if self.buffered > 0 { self.firstByte.store(true, ordering: .relaxed) } else { self.awaitsFirstByte = true }
  }

  /// Serves the remote's side of the negotiation. Nil when the remote gave up after a refusal of ours.
  func negotiate(supports: (String) -> Bool) async throws(ProtocolStreamError) -> String? {
    var responder = MultistreamResponder()
    var refused = false
    while true {
      let step: MultistreamResponder.OnReceive
      do {
        step = try responder.receive(&self.buffer, supports: supports)
      } catch {
        throw .notNegotiated("\(error)")
      }
      switch step {
      case .agreed(let name, let reply):
        try await self.write(reply)
        self.agreed()
        return name
      case .send(let bytes):
        refused = true
        try await self.write(bytes)
      case .needMore:
        guard try await self.fill(Self.readSize) else {
          if refused { return nil }
          throw .notNegotiated("the remote finished before it named a protocol")
        }
      }
    }
  }

  // MARK: Reading

  // Every call of an async function looks up where its task prefers to run, which costs more than a small read itself.
  // So what is there is taken without waiting, and only `fill` waits.

  /// The next bytes, at least one and at most `maximum`; nil at the end.
  package func read(upTo maximum: Int) async throws(ProtocolStreamError) -> [UInt8]? {
    while true {
      switch try self.gather(1, upTo: maximum) {
      case .enough: return self.take(min(maximum, self.buffered))
      case .end: return nil
      case .wait: _ = try await self.fill(self.isUnanswered ? Self.readSize : maximum)
      }
    }
  }

  /// Exactly `count` bytes; nil when the remote finished before the first of them.
  package func read(exactly count: Int) async throws(ProtocolStreamError) -> [UInt8]? {
    while true {
      switch try self.gather(count, upTo: count) {
      case .enough: return self.take(count)
      case .end where self.buffered == 0: return nil
      case .end: throw .unexpectedEnd
      case .wait: _ = try await self.fill(self.isUnanswered ? Self.readSize : count - self.buffered)
      }
    }
  }

  /// The next message behind its length as an unsigned varint (multiformats: unsigned-varint); nil when the remote
  /// finished before the first byte of it. A longer one than `maximum` bytes is refused before it is read.
  package func readMessage(maximum: Int) async throws(ProtocolStreamError) -> [UInt8]? {
    while true {
      switch try self.messageNow(maximum: maximum) {
      case .message(let message): return message
      case .end: return nil
      case .wait: _ = try await self.fill(Self.messageReadSize)
      case .large(let size): return try await self.collect(size)
      }
    }
  }

  /// Whether this is the transport's thread: see `P2PCore.Stream`.
  package var isCurrent: Bool { self.stream.isCurrent }

  /// Calls `reader` when `messageNow` may find something; where `isCurrent`.
  package func wake(_ reader: any StreamReader) { self.stream.wake(reader) }

  /// What `messageNow` finds.
  package enum MessageNow {
    case message([UInt8])
    /// The remote finished behind the message before.
    case end
    /// Some of it is still to come.
    case wait
    /// A message of this many bytes, many and not all of them there. Its length was read: `collect` has the rest.
    case large(Int)
  }

  /// As `readMessage`, as far as that goes without waiting.
  package func messageNow(maximum: Int) throws(ProtocolStreamError) -> MessageNow {
    // As many bytes as may tell the length.
    var wanted = 1
    while true {
      switch try self.gather(wanted, upTo: Self.messageReadSize) {
      case .enough:
        guard let (size, start) = try self.messageLength(maximum) else {
          wanted = self.buffered + 1
          continue
        }
        if self.buffered < start + size, size <= Self.readSize {
          wanted = start + size
          continue
        }
        self.skip(start)
        return self.buffered < size ? .large(size) : .message(self.take(size))
      case .end where self.buffered == 0: return .end
      case .end: throw .unexpectedEnd
      case .wait: return .wait
      }
    }
  }

  /// `count` bytes, more than are buffered; the array that is handed out is the one that is filled.
  package func collect(_ count: Int) async throws(ProtocolStreamError) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(count, Self.reservedMax))
    bytes += self.buffer[self.offset...]
    self.skip(self.buffered)
    while bytes.count < count {
      if self.readEnded { throw .unexpectedEnd }
      if bytes.count == bytes.capacity { bytes.reserveCapacity(min(count, 2 * bytes.count)) }
      do { self.readEnded = try await !self.stream.read(onto: &bytes) } catch {
        self.readEnded = true
        throw .stream(error)
      }
    }
    // An array may have more room than was asked for.
    self.buffer = Array(bytes[count...])
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  /// The length of the message that begins the buffer, and how many bytes tell it; nil until all of them are there.
  private func messageLength(_ maximum: Int) throws(ProtocolStreamError) -> (length: Int, start: Int)? {
    var length = 0
    for index in 0..<self.buffered {
      // 5 groups hold more than any limit of ours.
      if index == 5 { throw .messageTooLong(limit: maximum) }
      let byte = self.buffer[self.offset + index]
      if byte == 0 && index > 0 { throw .violation("a message length that is not minimally encoded") }
      length |= Int(byte & 0x7f) << (7 * index)
      if length > maximum { throw .messageTooLong(limit: maximum) }
      if byte & 0x80 == 0 { return (length, index + 1) }
    }
    return nil
  }

  /// Bytes that came with those that were read, and were not.
  package var buffered: Int { self.buffer.count - self.offset }

  /// The first `count` buffered bytes, which are there.
  private func take(_ count: Int) -> [UInt8] {
    // All that is left, in an array that is hardly larger: that one.
    if count == self.buffered, self.buffer.capacity - count <= Self.readSize {
      var taken: [UInt8] = []
      swap(&taken, &self.buffer)
      if self.offset > 0 { taken.removeFirst(self.offset) }
      self.offset = 0
      return taken
    }
    let taken = Array(self.buffer[self.offset..<self.offset + count])
    self.skip(count)
    return taken
  }

  private func skip(_ count: Int) {
    self.offset += count
    if self.offset == self.buffer.count {
      self.buffer = []
      self.offset = 0
    }
  }

  private enum Gathered {
    /// As many as were asked for.
    case enough
    /// The remote finished before.
    case end
    case wait
  }

  /// Has `count` bytes of the protocol in the buffer, as far as that goes without waiting. Takes no more from the
  /// transport than makes `maximum`.
  private func gather(_ count: Int, upTo maximum: Int) throws(ProtocolStreamError) -> Gathered {
    while true {
      if try self.takeAnswer(), self.buffered >= count { return .enough }
      if self.readEnded {
        guard self.isUnanswered else { return .end }
        self.notAgreed()
        throw Self.unanswered
      }
      let result = self.stream.readNow(upTo: self.isUnanswered ? Self.readSize : maximum - self.buffered)
      if case .wait = result { return .wait }
      try self.accept(result)
    }
  }

  /// Waits for at most `maximum` further bytes; false at the end.
  @inline(__always)
  private func fill(_ maximum: Int) async throws(ProtocolStreamError) -> Bool {
    if self.readEnded { return false }
    let result: ReadNow
    do {
      result = if let bytes = try await self.stream.read(upTo: maximum) { .bytes(bytes) } else { .end }
    } catch {
      result = .failed(error)
    }
    try self.accept(result)
    return !self.readEnded
  }

  /// Waits for what `messageNow` lacks.
  package func waitForMore() async throws(ProtocolStreamError) { _ = try await self.fill(Self.messageReadSize) }

  private func accept(_ result: ReadNow) throws(ProtocolStreamError) {
    if self.awaitsFirstByte {
      self.awaitsFirstByte = false
      self.firstByte.store(true, ordering: .relaxed)
    }
    switch result {
    case .bytes(let bytes):
      if self.buffered == 0 {
        self.buffer = bytes
      } else {
        if self.offset > 0 { self.buffer.removeSubrange(..<self.offset) }
        self.buffer.append(contentsOf: bytes)
      }
      self.offset = 0
    case .end, .wait:
      self.readEnded = true
    case .failed(let error):
      self.readEnded = true
      throw .stream(error)
    }
  }

  // MARK: Writing

  /// Sends `bytes`; waits while the send buffer is full. `finish` ends our side with the last byte.
  package func write(_ bytes: [UInt8], finish: Bool = false) async throws(ProtocolStreamError) {
    if try self.writeNow(bytes, finish: finish) { return }
    if finish { self.writeFinished = true }
    do {
      try await self.stream.write(bytes, finish: finish)
    } catch {
      self.writeFinished = true
      throw .stream(error)
    }
  }

  /// As `write`; false, and nothing is done, when that would have to wait, or on another thread than the transport's.
  package func writeNow(_ bytes: [UInt8], finish: Bool) throws(ProtocolStreamError) -> Bool {
    if self.writeFinished { throw .stream(.finished) }
    do {
      guard try self.stream.writeNow(bytes, finish: finish) else { return false }
    } catch {
      self.writeFinished = true
      throw .stream(error)
    }
    if finish { self.writeFinished = true }
    return true
  }

  /// Ends our side. Does nothing when it has ended.
  package func finish() async throws(ProtocolStreamError) {
    if !self.writeFinished { try await self.write([], finish: true) }
  }

  // MARK: Ending

  /// Aborts both directions. Idempotent; any task.
  package func reset(code: UInt64) {
    self.stream.reset(code: code)
  }

  /// Bytes behind a protocol's end that are read and thrown away before the remote is told to stop.
  static let bytesAfterEndMax = 64 << 10

  /// Leaves nothing open behind a protocol that has done its work: ends our side and waits for the remote's end.
  ///
  /// STOP_SENDING only to one that goes on and on: py-libp2p 0.8 takes it for the end of both directions and loses
  /// the answer that it has not read yet.
  func conclude() async throws(ProtocolStreamError) {
    if !self.writeFinished { try await self.write([], finish: true) }
    var left = Self.bytesAfterEndMax
    while let bytes = try await self.read(upTo: Self.readSize) {
      left -= bytes.count
      if left < 0 { return self.stream.stopReading(code: StreamCode.none) }
    }
  }

  /// As `conclude`, where the remote has ended its side already and nothing has to wait; otherwise false.
  func concludeNow() throws(ProtocolStreamError) -> Bool {
    if !self.writeFinished, try !self.writeNow([], finish: true) { return false }
    return try self.gather(1, upTo: Self.readSize) == .end
  }
}
