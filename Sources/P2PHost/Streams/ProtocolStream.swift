package import P2PCore
internal import Synchronization

/// A stream on which a protocol is spoken: a transport's stream with a read buffer and the negotiation.
///
/// `@unchecked Sendable`: one task reads and one task writes (they may be the same). `buffer`, `offset`,
/// `readEnded`, `awaitsFirstByte`, `initiator` and `protocolID` belong to the reader, `writeFinished` to the writer;
/// whoever takes the stream over does so after the former owner's task ended or was awaited.
package final class ProtocolStream: @unchecked Sendable {
  /// Bytes asked from the transport at once where the need is not known.
  static let readSize = 4096
  /// The same between messages, of which many may have come: as many as a transport hands out without a copy.
  static let messageReadSize = 64 << 10
  /// Bytes of memory taken on the word of a length that the remote announced; more follows what arrives.
  static let reservedMax = 1 << 20

  private let stream: any P2PCore.Stream
  private var buffer: [UInt8] = []
  /// Bytes of `buffer` that were read already.
  private var offset = 0
  private var readEnded = false
  /// Set while the remote's answer to our proposal is still to come.
  private var initiator: MultistreamInitiator?
  private var writeFinished = false
  /// What the remote agreed to; nil until its answer was read, and on inbound streams.
  package private(set) var protocolID: String?
  /// The protocol is agreed on and nothing of it has been read.
  private var awaitsFirstByte = false
  private let firstByte = Atomic<Bool>(false)

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
    let opened: any P2PCore.Stream
    do { opened = try await connection.openStream() } catch { throw .stream(error) }
    let stream = ProtocolStream(opened)
    do throws(ProtocolStreamError) {
      try await stream.propose(protocols, firstPayload: firstPayload, finish: finish)
    } catch {
      stream.reset(code: error.streamCode)
      throw error
    }
    return stream
  }

  private func propose(
    _ protocols: [String], firstPayload: [UInt8], finish: Bool
  ) async throws(ProtocolStreamError) {
    let initiator = MultistreamInitiator(protocols: protocols)
    var bytes = initiator.start()
    self.initiator = initiator
    if protocols.count == 1 {
      bytes.append(contentsOf: firstPayload)
      try await self.write(bytes, finish: finish)
      return
    }
    try await self.write(bytes)
    try await self.awaitAnswer()
    if finish || !firstPayload.isEmpty { try await self.write(firstPayload, finish: finish) }
  }

  /// Reads until the remote has agreed to a protocol of ours.
  private func awaitAnswer() async throws(ProtocolStreamError) {
    guard var initiator = self.initiator else { return }
    self.initiator = nil
    do throws(ProtocolStreamError) {
      try await self.awaitAnswer(&initiator)
    } catch {
      // What follows is not of our protocol.
      self.readEnded = true
      self.buffer = []
      throw error
    }
  }

  private func awaitAnswer(_ initiator: inout MultistreamInitiator) async throws(ProtocolStreamError) {
    while true {
      let step: MultistreamInitiator.OnReceive
      do { step = try initiator.receive(&self.buffer) } catch { throw .notNegotiated("\(error)") }
      switch step {
      case .agreed(let name):
        self.protocolID = name
        return
      case .send(let bytes):
        try await self.write(bytes)
      case .needMore:
        guard try await self.fillBuffer(Self.readSize) else {
          throw .notNegotiated("the remote finished before it answered")
        }
      }
    }
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
    do {
      // There is room for the first bytes of a stream.
      guard try self.stream.writeNow(proposal, finish: false) else { return nil }
    } catch {
      self.writeFinished = true
      throw .stream(error)
    }
    if bytes.count == proposal.count { self.buffer = [] } else { self.offset = proposal.count }
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
        guard try await self.fillBuffer(Self.readSize) else {
          if refused { return nil }
          throw .notNegotiated("the remote finished before it named a protocol")
        }
      }
    }
  }

  // MARK: Reading

  /// The next bytes, at least one and at most `maximum`; nil at the end.
  package func read(upTo maximum: Int) async throws(ProtocolStreamError) -> [UInt8]? {
    if self.initiator != nil { try await self.awaitAnswer() }
    if self.buffered > 0 { return self.take(min(maximum, self.buffered)) }
    return try await self.fetch(maximum)
  }

  /// Exactly `count` bytes; nil when the remote finished before the first of them.
  package func read(exactly count: Int) async throws(ProtocolStreamError) -> [UInt8]? {
    if self.initiator != nil { try await self.awaitAnswer() }
    if self.buffered == 0 {
      // The usual case costs no copy: all of it is there and nothing else.
      guard let chunk = try await self.fetch(count) else { return nil }
      if chunk.count == count { return chunk }
      self.buffer = chunk
      self.offset = 0
    }
    return try await self.collect(count)
  }

  /// The next message behind its length as an unsigned varint (multiformats: unsigned-varint); nil when the remote
  /// finished before the first byte of it. A longer one than `maximum` bytes is refused before it is read.
  package func readMessage(maximum: Int) async throws(ProtocolStreamError) -> [UInt8]? {
    if self.initiator != nil { try await self.awaitAnswer() }
    while true {
      if let (length, start) = try self.messageLength(maximum) {
        self.offset = start
        return try await self.collect(length)
      }
      let isBetween = self.buffered == 0
      if try await !self.fillBuffer(Self.messageReadSize) {
        if isBetween { return nil }
        throw .unexpectedEnd
      }
    }
  }

  /// The next message when all of it is there already: without what a call that may wait costs.
  func bufferedMessage(maximum: Int) throws(ProtocolStreamError) -> [UInt8]? {
    guard self.initiator == nil, let (length, start) = try self.messageLength(maximum),
      self.buffer.count - start >= length
    else { return nil }
    self.offset = start
    return self.take(length)
  }

  /// The length that comes next and where the message behind it starts; nil until the whole length is there.
  private func messageLength(_ maximum: Int) throws(ProtocolStreamError) -> (length: Int, start: Int)? {
    var length = 0
    var shift = 0
    for index in self.offset..<self.buffer.count {
      let byte = self.buffer[index]
      if byte == 0 && shift > 0 { throw .violation("a message length that is not minimally encoded") }
      length |= Int(byte & 0x7f) << shift
      if length > maximum { throw .messageTooLong(limit: maximum) }
      if byte & 0x80 == 0 { return (length, index + 1) }
      shift += 7
      // 5 groups hold more than any limit of ours.
      if shift > 28 { throw .messageTooLong(limit: maximum) }
    }
    return nil
  }

  /// Bytes that came with those that were read, and were not.
  package var buffered: Int { self.buffer.count - self.offset }

  /// A whole message has come, or what `readMessage` will refuse: it need not wait.
  var hasMessage: Bool {
    guard self.initiator == nil else { return false }
    do throws(WireError) {
      guard let (length, start) = try Varint.read(self.buffer, at: self.offset, end: self.buffer.count) else {
        return false
      }
      return UInt64(self.buffer.count - start) >= length
    } catch {
      return true
    }
  }

  /// `count` bytes, the buffered ones first.
  private func collect(_ count: Int) async throws(ProtocolStreamError) -> [UInt8] {
    if self.buffered >= count { return self.take(count) }
    // The array that is handed out is the one that is filled.
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(count, Self.reservedMax))
    bytes += self.buffer[self.offset...]
    self.buffer = []
    self.offset = 0
    while bytes.count < count {
      guard let chunk = try await self.fetch(count - bytes.count) else { throw .unexpectedEnd }
      bytes += chunk
    }
    return bytes
  }

  /// The first `count` buffered bytes, which are there.
  private func take(_ count: Int) -> [UInt8] {
    if self.offset == 0 && count == self.buffer.count {
      defer { self.buffer = [] }
      return self.buffer
    }
    let end = self.offset + count
    let taken = Array(self.buffer[self.offset..<end])
    if end == self.buffer.count {
      self.buffer = []
      self.offset = 0
    } else {
      self.offset = end
    }
    return taken
  }

  /// Appends at most `maximum` further bytes to the buffer; false at the end.
  private func fillBuffer(_ maximum: Int) async throws(ProtocolStreamError) -> Bool {
    guard let chunk = try await self.fetch(maximum) else { return false }
    if self.buffered == 0 {
      self.buffer = chunk
    } else {
      if self.offset > 0 { self.buffer.removeSubrange(..<self.offset) }
      self.buffer.append(contentsOf: chunk)
    }
    self.offset = 0
    return true
  }

  private func fetch(_ maximum: Int) async throws(ProtocolStreamError) -> [UInt8]? {
    if self.readEnded { return nil }
    var result = self.stream.readNow(upTo: maximum)
    if case .wait = result { result = await self.readLater(maximum) }
    if self.awaitsFirstByte {
      self.awaitsFirstByte = false
      self.firstByte.store(true, ordering: .relaxed)
    }
    switch result {
    case .bytes(let bytes): return bytes
    case .failed(let error):
      self.readEnded = true
      throw .stream(error)
    case .end, .wait:
      self.readEnded = true
      return nil
    }
  }

  private func readLater(_ maximum: Int) async -> ReadNow {
    do {
      if let bytes = try await self.stream.read(upTo: maximum) { return .bytes(bytes) }
      return .end
    } catch {
      return .failed(error)
    }
  }

  // MARK: Writing

  /// Sends `bytes`; waits while the send buffer is full. `finish` ends our side with the last byte.
  package func write(_ bytes: [UInt8], finish: Bool = false) async throws(ProtocolStreamError) {
    if self.writeFinished { throw .stream(.finished) }
    if finish { self.writeFinished = true }
    do {
      if try !self.stream.writeNow(bytes, finish: finish) { try await self.stream.write(bytes, finish: finish) }
    } catch {
      self.writeFinished = true
      throw .stream(error)
    }
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
    try await self.finish()
    var left = Self.bytesAfterEndMax
    while let bytes = try await self.read(upTo: Self.readSize) {
      left -= bytes.count
      if left < 0 { return self.stream.stopReading(code: StreamCode.none) }
    }
  }
}
