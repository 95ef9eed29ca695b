import CLinux
import CNgtcp2
import LinuxIO
import P2PCore

/// One burst's memory: the most that a single UDP_SEGMENT send may carry.
struct SendSlab {
  static let bytesMax = 65_000
  /// Segments in one send; the kernel takes 64, and 44 full-sized ones fill the slab.
  static let segmentsMax = 44

  let bytes: UnsafeMutableRawBufferPointer

  init() { self.bytes = .allocate(byteCount: SendSlab.bytesMax + 1_500, alignment: 16) }
  func deallocate() { self.bytes.deallocate() }
}

extension QUICConnection {
  enum WriteOutcome {
    /// Nothing more to send until something happens.
    case idle
    /// One burst is out and there is more.
    case more
    /// The sink is full.
    case blocked
    indirect case closed(CloseReason)
  }

  /// Writes at most one burst of packets into `sink`.
  func write(_ slab: SendSlab, _ sink: any DatagramSink, now: MonotonicNanoseconds) -> WriteOutcome {
    guard let raw = self.raw else { return .idle }
    self.sendDelayedEnds()
    let packetBytes = cng_packet_size(raw)
    let limit = max(1, min(SendSlab.segmentsMax, cng_send_quantum(raw) / packetBytes, SendSlab.bytesMax / packetBytes))
    var burst = Burst(slab: slab)
    var outcome = WriteOutcome.more
    writing: while burst.packets < limit, burst.end + packetBytes <= SendSlab.bytesMax {
      var route = cng_route()
      let written = self.writePacket(raw, burst.next, packetBytes, &route, now)
      if written == 0 {
        outcome = .idle
        break
      }
      if written < 0 {
        let error = Int32(clamping: written)
        self.fail(error)
        outcome = .closed(CloseReason("transport_error", initiator: .local, detail: String(cString: cng_words(error))))
        break
      }
      switch burst.add(Int(written), &route) {
      case .joined: break
      case .mustFlushBefore:
        guard self.flush(&burst, sink) else {
          // The packet stays lost; QUIC sends its content again.
          outcome = .blocked
          break writing
        }
        burst.begin(Int(written), route)
      case .complete: break writing
      }
    }
    _ = self.flush(&burst, sink)
    if burst.wasBlocked, self.pendingError == 0 { outcome = .blocked }
    // Before the first round-trip sample pacing would assume 333 ms and stall the handshake.
    if self.phase == .established { cng_sent(raw, now) }
    return outcome
  }

  /// One packet: stream data of as many streams as fit, or whatever else is due. Bytes, 0, or an ngtcp2 error.
  private func writePacket(
    _ raw: OpaquePointer, _ packet: UnsafeMutablePointer<UInt8>, _ capacity: Int, _ route: inout cng_route,
    _ now: MonotonicNanoseconds
  ) -> Int64 {
    withUnsafeTemporaryAllocation(of: cng_vector.self, capacity: SendBuffer.vectorsMax) { vectors in
      while true {
        var accepted: Int64 = -1
        // With the connection's credit used up ngtcp2 would just answer 0, as if congested.
        guard let stream = cng_connection_credit(raw) > 0 ? self.firstQueued : nil else {
          return cng_write_stream(raw, &route, packet, capacity, &accepted, false, false, -1, nil, 0, now)
        }
        guard !stream.isClosed, stream.wantsToSend else {
          self.dequeueFirst()
          continue
        }
        let (count, bytes) = stream.buffer.offer(vectors)
        let finish = stream.finishRequested && bytes == stream.buffer.unsent
        let written = cng_write_stream(
          raw, &route, packet, capacity, &accepted, true, finish, stream.id, vectors.baseAddress, count, now)
        if accepted >= 0 {
          stream.didSend(Int(accepted), finish: finish && Int(accepted) == bytes)
          self.rotate(stream)
        }
        switch Int32(clamping: written) {
        case CNG_WRITE_MORE: continue
        case CNG_STREAM_BLOCKED:
          // It comes back when the remote allows more.
          if self.firstQueued === stream { self.dequeueFirst() }
          self.watch(stream)
          continue
        case CNG_STREAM_SHUT, CNG_STREAM_NOT_FOUND:
          if self.firstQueued === stream { self.dequeueFirst() }
          stream.didStop()
          continue
        default: return written
        }
      }
    }
  }

  /// Puts a stream that sent something behind the others, or out of the queue.
  private func rotate(_ stream: QUICStream) {
    guard self.firstQueued === stream else { return }
    if stream.nextQueued == nil, stream.wantsToSend { return }
    self.dequeueFirst()
    self.enqueue(stream)
  }

  private func flush(_ burst: inout Burst, _ sink: any DatagramSink) -> Bool {
    guard burst.start < burst.end else { return true }
    let bytes = UnsafeRawBufferPointer(rebasing: burst.slab.bytes[burst.start..<burst.end])
    let accepted = sink.send(bytes, segment: burst.segment, route: burst.route)
    self.sent(bytes: bytes.count, datagrams: (bytes.count + burst.segment - 1) / burst.segment)
    burst.start = burst.end
    if !accepted { burst.wasBlocked = true }
    return accepted
  }

  /// Packets of one size to one place, the last possibly shorter: what UDP_SEGMENT can carry.
  private struct Burst {
    let slab: SendSlab
    var start = 0
    var end = 0
    var segment = 0
    var packets = 0
    var route = cng_route()
    var wasBlocked = false

    init(slab: SendSlab) { self.slab = slab }

    var next: UnsafeMutablePointer<UInt8> {
      (self.slab.bytes.baseAddress! + self.end).assumingMemoryBound(to: UInt8.self)
    }

    enum OnAdd { case joined, mustFlushBefore, complete }

    mutating func add(_ bytes: Int, _ route: inout cng_route) -> OnAdd {
      if self.start == self.end {
        self.begin(bytes, route)
        return .joined
      }
      guard bytes <= self.segment, cng_same_route(&route, &self.route) else {
        return .mustFlushBefore
      }
      self.end += bytes
      self.packets += 1
      return bytes < self.segment ? .complete : .joined
    }

    mutating func begin(_ bytes: Int, _ route: cng_route) {
      self.segment = bytes
      self.route = route
      self.end += bytes
      self.packets += 1
    }
  }

  // MARK: Close

  /// Writes CONNECTION_CLOSE: with `code` and `words` of ours, or for the error that ended it. Returns the packet, to be
  /// kept for late arrivals, and its route. Nil when there is nothing to say.
  func writeClose(
    code: UInt64, words: String, slab: SendSlab, now: MonotonicNanoseconds
  ) -> (packet: [UInt8], route: cng_route)? {
    guard let raw = self.raw else { return nil }
    var route = cng_route()
    let words = Array(words.utf8.prefix(128))
    let written = cng_write_close(
      raw, &route, slab.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), 1_452, self.pendingError, code, words,
      words.count, now)
    guard written > 0, route.remote.length > 0 else { return nil }
    self.sent(bytes: Int(written), datagrams: 1)
    return (Array(slab.bytes[0..<Int(written)]), route)
  }
}
