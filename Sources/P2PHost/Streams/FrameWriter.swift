internal import P2PCore

/// Writes frames, each behind its length as an unsigned varint. Every write waits while the send buffer is full. One
/// writer of a stream at a time.
package struct FrameWriter: Sendable {
  /// Frames up to this size leave in one write with their length and with others; a larger one is not copied for it.
  static let joinedMax = 16 << 10

  package let stream: ProtocolStream
  /// Largest frame that the remote takes, bytes without its length.
  package let limit: Int

  package init(_ stream: ProtocolStream, limit: Int) {
    self.stream = stream
    self.limit = limit
  }

  /// `finish` ends our side with the frame.
  package func write(_ frame: [UInt8], finish: Bool = false) async throws(ProtocolStreamError) {
    try self.check(frame)
    if frame.count <= Self.joinedMax { return try await self.stream.write(Self.framed(frame), finish: finish) }
    var length: [UInt8] = []
    Varint.append(UInt64(frame.count), to: &length)
    try await self.stream.write(length)
    try await self.stream.write(frame, finish: finish)
  }

  /// `frame` behind its length, for the first flight of a stream.
  package static func framed(_ frame: [UInt8]) -> [UInt8] { VarintFramer.frame(frame) }

  /// All of them in order, with as few writes as there can be. None is sent when one is too large.
  package func write(_ frames: [[UInt8]]) async throws(ProtocolStreamError) {
    for frame in frames { try self.check(frame) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.joinedMax)
    for frame in frames {
      let isJoined = frame.count <= Self.joinedMax
      if isJoined, !bytes.isEmpty, bytes.count + frame.count > Self.joinedMax {
        try await self.stream.write(bytes)
        bytes.removeAll(keepingCapacity: true)
      }
      Varint.append(UInt64(frame.count), to: &bytes)
      if isJoined {
        bytes += frame
      } else {
        try await self.stream.write(bytes)
        try await self.stream.write(frame)
        bytes.removeAll(keepingCapacity: true)
      }
    }
    if !bytes.isEmpty { try await self.stream.write(bytes) }
  }

  private func check(_ frame: [UInt8]) throws(ProtocolStreamError) {
    if frame.count > self.limit { throw .frameTooLong(size: frame.count, limit: self.limit) }
  }
}
