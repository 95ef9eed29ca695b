/// Reads frames, each behind its length as an unsigned varint (multiformats: unsigned-varint). A protocol reads its
/// first messages with one and goes on with another of a different limit. One reader of a stream at a time.
package struct FrameReader: Sendable {
  package let stream: ProtocolStream
  /// Largest frame, bytes without its length.
  package let limit: Int

  package init(_ stream: ProtocolStream, limit: Int) {
    self.stream = stream
    self.limit = limit
  }

  /// The next frame; nil when the remote ended its side behind the one before. A larger one than `limit` is refused
  /// when its length is known.
  package func next() async throws(ProtocolStreamError) -> [UInt8]? {
    if let frame = try self.nextNow() { return frame }
    return try await self.stream.readMessage(maximum: self.limit)
  }

  /// The next frame where all of it has come with the one before; nil where `next` has to look.
  package func nextNow() throws(ProtocolStreamError) -> [UInt8]? {
    try self.stream.bufferedMessage(maximum: self.limit)
  }

  /// Something has come behind the last frame.
  package var hasMore: Bool { self.stream.buffered > 0 }
}
