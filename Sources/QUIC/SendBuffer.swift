import CNgtcp2

/// Bytes of one stream from the write until the acknowledgement.
///
/// ngtcp2 keeps pointers to what it was offered, so every byte stays where it is until it is acknowledged or the
/// stream is gone.
struct SendBuffer: ~Copyable {
  /// Vectors in one offer; the write loop comes back for more.
  static let vectorsMax = 8
  /// Small writes share a chunk of this size.
  private static let chunkBytesMin = 256
  /// Writes from this size on are not copied: the array itself is kept.
  private static let keptBytesMin = 16 << 10

  private struct Chunk {
    let bytes: UnsafeMutablePointer<UInt8>
    let capacity: Int
    var count: Int
    /// The array that `bytes` points into, which nobody changes while it is held here; nil where they are our own.
    var kept: [UInt8]?

    mutating func free() {
      if self.kept == nil { self.bytes.deallocate() } else { self.kept = nil }
    }
  }

  private var chunks: [Chunk] = []
  /// Chunks before this one are freed.
  private var first = 0
  /// Stream offset of the first byte of `chunks[first]`.
  private var base: UInt64 = 0
  /// The next byte to send: chunk and place in it.
  private var cursor = (chunk: 0, offset: 0)
  /// Stream offset behind the last byte written.
  private(set) var end: UInt64 = 0
  /// Stream offset of the next byte to send.
  private(set) var sent: UInt64 = 0

  deinit {
    // What is kept goes with the list.
    for index in self.first..<self.chunks.count where self.chunks[index].kept == nil {
      self.chunks[index].bytes.deallocate()
    }
  }

  var unsent: Int { Int(self.end - self.sent) }

  mutating func append(_ bytes: [UInt8]) {
    if bytes.isEmpty { return }
    if bytes.count >= SendBuffer.keptBytesMin { return self.keep(bytes) }
    bytes.withUnsafeBufferPointer { source in
      var copied = 0
      if self.first < self.chunks.count {
        let last = self.chunks.count - 1
        let room = min(self.chunks[last].capacity - self.chunks[last].count, source.count)
        if room > 0 {
          (self.chunks[last].bytes + self.chunks[last].count).update(from: source.baseAddress!, count: room)
          self.chunks[last].count += room
          copied = room
        }
      }
      if copied < source.count {
        let count = source.count - copied
        let capacity = max(count, SendBuffer.chunkBytesMin)
        let pointer = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        pointer.update(from: source.baseAddress! + copied, count: count)
        self.chunks.append(Chunk(bytes: pointer, capacity: capacity, count: count))
      }
    }
    self.end += UInt64(bytes.count)
  }

  /// An array's elements stay where they are for as long as somebody holds it, and on Linux there is no other kind of
  /// array.
  private mutating func keep(_ bytes: [UInt8]) {
    let pointer = bytes.withUnsafeBufferPointer { UnsafeMutablePointer(mutating: $0.baseAddress!) }
    self.chunks.append(Chunk(bytes: pointer, capacity: bytes.count, count: bytes.count, kept: bytes))
    self.end += UInt64(bytes.count)
  }

  /// Fills `vectors` with what comes next; returns how many there are and how many bytes they hold.
  func offer(_ vectors: UnsafeMutableBufferPointer<cng_vector>) -> (count: Int, bytes: Int) {
    var filled = 0
    var bytes = 0
    var (chunk, offset) = self.cursor
    while chunk < self.chunks.count, filled < vectors.count {
      let rest = self.chunks[chunk].count - offset
      if rest > 0 {
        vectors[filled] = cng_vector(base: self.chunks[chunk].bytes + offset, length: rest)
        filled += 1
        bytes += rest
      }
      chunk += 1
      offset = 0
    }
    return (filled, bytes)
  }

  /// ngtcp2 took `count` bytes of the offer.
  mutating func advance(_ count: Int) {
    self.sent += UInt64(count)
    var left = count
    while left > 0 {
      let rest = self.chunks[self.cursor.chunk].count - self.cursor.offset
      if left < rest {
        self.cursor.offset += left
        return
      }
      left -= rest
      self.cursor.offset += rest
      // The last chunk may still grow: the cursor stays at its end.
      if self.cursor.chunk + 1 < self.chunks.count { self.cursor = (self.cursor.chunk + 1, 0) } else { return }
    }
  }

  /// Everything before `offset` is with the remote.
  mutating func acknowledge(upTo offset: UInt64) {
    while self.first < self.chunks.count, self.base + UInt64(self.chunks[self.first].count) <= offset {
      // The chunk under the cursor goes only when all of it was sent.
      if self.first == self.cursor.chunk {
        guard self.cursor.offset == self.chunks[self.first].count else { return }
        self.cursor = (self.first + 1, 0)
      }
      self.base += UInt64(self.chunks[self.first].count)
      self.chunks[self.first].free()
      self.first += 1
    }
    if self.first == self.chunks.count {
      self.chunks.removeAll(keepingCapacity: true)
      self.first = 0
      self.cursor = (0, 0)
    } else if self.first >= 64 {
      self.chunks.removeFirst(self.first)
      self.cursor.chunk -= self.first
      self.first = 0
    }
  }
}
