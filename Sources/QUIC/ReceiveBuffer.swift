/// Bytes of one stream between their arrival and the read.
///
/// They are kept in arrays that a reader who takes at least `chunkBytes` at a time gets as they are, without a copy.
/// Flow control bounds the whole.
struct ReceiveBuffer {
  /// One train of datagrams.
  static let chunkBytes = 64 << 10
  /// Up to this many bytes, a message, memory grows with what is there.
  private static let smallBytes = 1_000

  private var chunks: [[UInt8]] = []
  /// Bytes of the first chunk that were read.
  private var readIndex = 0
  /// The first chunk is an array of the reader's, and what was in it counts as read.
  private var isLent = false
  /// Bytes to read.
  private(set) var count = 0

  var isEmpty: Bool { self.count == 0 }

  mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.count += bytes.count
    var rest = bytes[...]
    if !self.chunks.isEmpty {
      let last = self.chunks.count - 1
      let room = self.chunks[last].capacity - self.chunks[last].count
      self.chunks[last].append(contentsOf: UnsafeBufferPointer(rebasing: rest.prefix(room)))
      rest = rest.dropFirst(room)
    }
    if rest.isEmpty { return }
    var chunk: [UInt8] = []
    chunk.reserveCapacity(max(rest.count, self.count > Self.smallBytes ? Self.chunkBytes : self.count))
    chunk.append(contentsOf: UnsafeBufferPointer(rebasing: rest))
    self.chunks.append(chunk)
  }

  /// Of an empty buffer: what is appended next goes behind `bytes`, as far as there is room, until `takeBack`.
  mutating func lend(_ bytes: inout [UInt8]) {
    guard self.chunks.isEmpty else { return }
    self.readIndex = bytes.count
    self.isLent = true
    self.chunks.append([])
    swap(&self.chunks[0], &bytes)
  }

  /// The array that was lent, with what came; how many bytes that are.
  mutating func takeBack(_ bytes: inout [UInt8]) -> Int {
    guard self.isLent else { return 0 }
    swap(&self.chunks[0], &bytes)
    self.chunks.remove(at: 0)
    let added = bytes.count - self.readIndex
    self.count -= added
    self.readIndex = 0
    self.isLent = false
    return added
  }

  /// The next bytes, at least one unless the buffer is empty or `maximum` is 0, and at most `maximum`.
  mutating func take(upTo maximum: Int) -> [UInt8] {
    guard !self.chunks.isEmpty, maximum > 0 else { return [] }
    let first = self.chunks[0]
    let available = first.count - self.readIndex
    if available > maximum {
      let bytes = Array(first[self.readIndex..<self.readIndex + maximum])
      self.readIndex += maximum
      self.count -= maximum
      return bytes
    }
    self.chunks.remove(at: 0)
    self.count -= available
    defer { self.readIndex = 0 }
    return self.readIndex == 0 ? first : Array(first[self.readIndex...])
  }
}
