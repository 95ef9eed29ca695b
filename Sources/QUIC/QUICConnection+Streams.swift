import CNgtcp2
import P2PCore

// Streams of a connection: opened, queued to send, ended.

extension QUICConnection {
  /// Nil when the remote allows no more streams now.
  func openStream() -> Result<QUICStream, StreamError>? {
    guard let raw = self.raw, self.phase == .established else {
      return .failure(.connectionClosed("the connection is closed"))
    }
    guard cng_streams_left(raw) > 0 else { return nil }
    let stream = QUICStream(connection: self, direction: .outbound, loop: self.loop)
    var id: Int64 = -1
    let result = cng_open_stream(raw, &id, Unmanaged.passUnretained(stream).toOpaque())
    if result == CNG_STREAM_ID_BLOCKED { return nil }
    guard result == 0 else { return .failure(.connectionClosed(String(cString: cng_words(result)))) }
    self.add(stream, as: id)
    return .success(stream)
  }

  /// Returns when a stream may be opened, or the connection is over. On the loop.
  func waitForStream() async {
    await withUnsafeContinuation { self.streamWaiters.append($0) }
  }

  func wakeStreamWaiters() {
    let waiters = self.streamWaiters
    self.streamWaiters = []
    for waiter in waiters { waiter.resume() }
  }

  func remoteOpened(_ id: Int64) -> Bool {
    guard let raw = self.raw, cng_is_bidirectional(id) else { return true }
    let stream = QUICStream(connection: self, direction: .inbound, loop: self.loop)
    self.add(stream, as: id)
    self.inboundStreams += 1
    cng_set_stream(raw, id, Unmanaged.passUnretained(stream).toOpaque())
    self.newStreams.append(stream)
    return true
  }

  private func add(_ stream: QUICStream, as id: Int64) {
    stream.opened(as: id, place: self.streams.count)
    self.streams.append(stream)
  }

  func closed(_ stream: QUICStream) {
    guard !stream.isClosed, let last = self.streams.popLast() else { return }
    if last !== stream {
      last.place = stream.place
      self.streams[stream.place] = last
    }
    if stream.direction == .inbound { self.inboundStreams -= 1 }
    stream.didClose()
  }

  func consumed(_ count: Int, of id: Int64) {
    guard let raw = self.raw else { return }
    cng_consumed(raw, id, count)
    self.markDirty()
  }

  func reset(_ stream: QUICStream, code: UInt64) {
    guard let raw = self.raw, !stream.isClosed else { return }
    cng_reset_stream(raw, stream.id, code)
    self.markDirty()
  }

  /// The end of `stream` that waited goes out with the next packets: ngtcp2 may be in the middle of reading one.
  func hasDelayedEnd(_ stream: QUICStream) {
    self.delayedEnds.append(stream)
    self.markDirty()
  }

  func sendDelayedEnds() {
    if self.delayedEnds.isEmpty { return }
    for stream in self.delayedEnds { stream.sendDelayedEnd() }
    self.delayedEnds.removeAll()
  }

  func stop(_ stream: QUICStream, code: UInt64) {
    guard let raw = self.raw, !stream.isClosed else { return }
    cng_stop_stream(raw, stream.id, code)
    self.markDirty()
  }

  func hasData(_ stream: QUICStream) {
    self.enqueue(stream)
    self.markDirty()
  }

  func enqueue(_ stream: QUICStream) {
    guard !stream.isQueued, !stream.isClosed, stream.wantsToSend else { return }
    stream.isQueued = true
    if let last = self.queueLast { last.nextQueued = stream } else { self.queueFirst = stream }
    self.queueLast = stream
  }

  /// What a writer waits to send may have become pointless: nobody tells of STOP_SENDING until it is tried again.
  func watch(_ stream: QUICStream) {
    guard stream.hasWaitingWriter, !stream.isQueued, !stream.isWatched else { return }
    stream.isWatched = true
    self.watched.append(stream)
  }

  func retryWatched() {
    if self.watched.isEmpty { return }
    for stream in self.watched {
      stream.isWatched = false
      self.enqueue(stream)
    }
    self.watched.removeAll(keepingCapacity: true)
  }

  var firstQueued: QUICStream? { self.queueFirst }

  func dequeueFirst() {
    guard let stream = self.queueFirst else { return }
    self.queueFirst = stream.nextQueued
    if self.queueFirst == nil { self.queueLast = nil }
    stream.nextQueued = nil
    stream.isQueued = false
  }
}
