/// Cuts a byte stream into messages that stand behind a varint with their length. Holds at most one unfinished
/// message and what one `append` brought.
package struct VarintFramer: Sendable {
  /// Largest message taken, bytes.
  package let messageSizeMaximum: Int
  private var buffer: [UInt8] = []
  private var start = 0

  package init(messageSizeMaximum: Int) { self.messageSizeMaximum = messageSizeMaximum }

  /// Adds what was read from the stream. Take all messages with `next` before the next `append`.
  package mutating func append(_ bytes: [UInt8]) {
    if self.start > 0 {
      self.buffer.removeFirst(self.start)
      self.start = 0
    }
    self.buffer += bytes
  }

  /// The next whole message; nil until more is appended. Throws as soon as a length exceeds the maximum.
  package mutating func next() throws(WireError) -> [UInt8]? {
    guard let (size, body) = try Varint.read(self.buffer, at: self.start, end: self.buffer.count) else { return nil }
    guard size <= UInt64(self.messageSizeMaximum) else {
      throw .tooLong(size: size, maximum: self.messageSizeMaximum)
    }
    guard self.buffer.count - body >= Int(size) else { return nil }
    self.start = body + Int(size)
    return Array(self.buffer[body..<self.start])
  }

  /// Whether bytes of an unfinished message are held: a stream that ends now was cut short.
  package var isWithinMessage: Bool { self.start < self.buffer.count }

  /// `message` behind its length.
  package static func frame(_ message: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(message.count + Varint.sizeMaximum)
    Varint.append(UInt64(message.count), to: &bytes)
    bytes += message
    return bytes
  }
}
