/// Bytes of one stream between their arrival and the read.
///
/// They are kept in arrays that a reader who takes at least `chunkBytes` at a time gets as they are, without a copy.
/// Flow control bounds the whole.
struct ReceiveBuffer {
  /// One train of datagrams.
  static let chunkBytes = 64 << 10
  /// Up to this many bytes, a message, memory grows with what is there.
  private static let smallBytes = 1_000

  /// What is read next. Most streams never have more than this.
  private var first: [UInt8] = []
  private var rest: [[UInt8]] = []
  /// Bytes of `first` that were read.
  private var readIndex = 0
  /// `first` is an array of the reader's, and what was in it counts as read.
  private var isLent = false
  /// Bytes to read.
  private(set) var count = 0

  var isEmpty: Bool { self.count == 0 }

  mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.count += bytes.count
    var more = bytes[...]
    if self.rest.isEmpty {
      Self.fill(&self.first, &more)
    } else {
      Self.fill(&self.rest[self.rest.count - 1], &more)
    }
    if more.isEmpty { return }
    var chunk: [UInt8] = []
    chunk.reserveCapacity(max(more.count, self.count > Self.smallBytes ? Self.chunkBytes : self.count))
    chunk.append(contentsOf: UnsafeBufferPointer(rebasing: more))
    if self.first.isEmpty, !self.isLent { self.first = chunk } else { self.rest.append(chunk) }
  }

  /// As far as there is room.
  private static func fill(_ chunk: inout [UInt8], _ more: inout Slice<UnsafeBufferPointer<UInt8>>) {
    let room = chunk.capacity - chunk.count
    if room == 0 { return }
    chunk.append(contentsOf: UnsafeBufferPointer(rebasing: more.prefix(room)))
    more = more.dropFirst(room)
  }

  /// Of an empty buffer: what is appended next goes behind `bytes`, as far as there is room, until `takeBack`.
  mutating func lend(_ bytes: inout [UInt8]) {
    guard self.isEmpty, !self.isLent else { return }
    self.readIndex = bytes.count
    self.isLent = true
    swap(&self.first, &bytes)
  }

  /// The array that was lent, with what came; how many bytes that are.
  mutating func takeBack(_ bytes: inout [UInt8]) -> Int {
    guard self.isLent else { return 0 }
    let added = self.first.count - self.readIndex
    self.count -= added
    swap(&self.first, &bytes)
    self.isLent = false
    self.next()
    return added
  }

  /// The next bytes, at least one unless the buffer is empty or `maximum` is 0, and at most `maximum`.
  mutating func take(upTo maximum: Int) -> [UInt8] {
    if self.isEmpty || maximum <= 0 { return [] }
    if self.isLent { return self.takeBehindLoan(upTo: maximum) }
    let available = self.first.count - self.readIndex
    if available > maximum {
      let bytes = Array(self.first[self.readIndex..<self.readIndex + maximum])
      self.readIndex += maximum
      self.count -= maximum
      return bytes
    }
    self.count -= available
    let taken = self.readIndex == 0 ? self.first : Array(self.first[self.readIndex...])
    self.next()
    return taken
  }

  /// For a second reader, which a stream should not have: the array of the first one stays here for `takeBack`.
  private mutating func takeBehindLoan(upTo maximum: Int) -> [UInt8] {
    if self.first.count > self.readIndex {
      self.rest.insert(Array(self.first[self.readIndex...]), at: 0)
      self.first.removeLast(self.first.count - self.readIndex)
    }
    let bytes = Array(self.rest[0].prefix(maximum))
    self.rest[0].removeFirst(bytes.count)
    if self.rest[0].isEmpty { self.rest.removeFirst() }
    self.count -= bytes.count
    return bytes
  }

  private mutating func next() {
    self.readIndex = 0
    self.first = self.rest.isEmpty ? [] : self.rest.removeFirst()
  }
}
