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
    try await self.stream.readMessage(maximum: self.limit)
  }

  /// As `next`, as far as that goes without waiting.
  package func frameNow() throws(ProtocolStreamError) -> ProtocolStream.MessageNow {
    try self.stream.messageNow(maximum: self.limit)
  }

  /// Something has come behind the last frame.
  package var hasMore: Bool { self.stream.buffered > 0 }
}
