import P2PCore
import Testing

@testable import P2PHost

@Suite("Frames on a stream", .timeLimit(.minutes(1)))
struct FrameTests {
  @Test("small frames leave joined, a large one behind its length without being copied for it")
  func writes() async throws {
    let recorder = Recorder()
    let writer = FrameWriter(ProtocolStream(recorder), limit: 1 << 20)
    let large = [UInt8](repeating: 7, count: FrameWriter.joinedMax + 1)
    try await writer.write([1, 2])
    try await writer.write([[], [3], large, [4], [5]])
    try await writer.write(large, finish: true)
    let length: [UInt8] = [0x81, 0x80, 0x01]
    #expect(await recorder.written == [[2, 1, 2], [0, 1, 3] + length, large, [1, 4, 1, 5], length, large])
    #expect(await recorder.finishes == 1)
  }

  @Test("many frames leave in writes of bounded size, in order")
  func batches() async throws {
    let recorder = Recorder()
    let frames = (0..<1_000).map { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: 100) }
    try await FrameWriter(ProtocolStream(recorder), limit: 100).write(frames)
    let written = await recorder.written
    #expect(written.map(\.count).max() ?? 0 <= FrameWriter.joinedMax + Varint.sizeMaximum)
    #expect(written.count == 7)
    #expect(written.flatMap { $0 } == frames.flatMap { VarintFramer.frame($0) })
    try await FrameWriter(ProtocolStream(recorder), limit: 100).write([])
    #expect(await recorder.written.count == 7)
  }

  @Test("a frame above what the remote takes is an error of ours, and nothing is sent")
  func limits() async throws {
    let recorder = Recorder()
    let writer = FrameWriter(ProtocolStream(recorder), limit: 3)
    let error = ProtocolStreamError.frameTooLong(size: 4, limit: 3)
    await #expect(throws: error) { try await writer.write([1, 2, 3, 4]) }
    await #expect(throws: error) { try await writer.write([[1], [1, 2, 3, 4]]) }
    #expect(await recorder.written.isEmpty)
    #expect(!error.isViolation)
    #expect("\(error)" == "a frame of 4 bytes, but the remote takes at most 3")
  }

  @Test("a writer waits for a reader that is slow, and all arrives")
  func backPressure() async throws {
    let pipe = MemoryPipe(capacity: 1_000)
    let frames = (0..<200).map { [UInt8](repeating: UInt8($0), count: $0 * 200) }
    let writer = FrameWriter(ProtocolStream(PipeStream(pipe)), limit: 40_000)
    async let writing: Void = {
      for frame in frames.prefix(100) { try await writer.write(frame) }
      try await writer.write(Array(frames.dropFirst(100)))
      try await writer.stream.finish()
    }()
    let reader = FrameReader(ProtocolStream(PipeStream(pipe)), limit: 40_000)
    for frame in frames {
      #expect(pipe.waiting <= 1_000)
      #expect(try await reader.next() == frame)
    }
    #expect(try await reader.next() == nil)
    try await writing
  }

  @Test("a reader tells what came behind a frame, and hands the rest to the next reader")
  func behind() async throws {
    let pipe = MemoryPipe(capacity: 1_000)
    let stream = ProtocolStream(PipeStream(pipe))
    let first = FrameReader(stream, limit: 2)
    try await pipe.write([1, 7], finish: false)
    #expect(try await first.next() == [7])
    #expect(!first.hasMore)
    try await pipe.write([1, 8, 3, 1, 2, 3], finish: true)
    #expect(try await first.next() == [8])
    #expect(first.hasMore)
    #expect(try await FrameReader(stream, limit: 3).next() == [1, 2, 3])
    #expect(try await FrameReader(stream, limit: 3).next() == nil)
  }
}

/// Keeps what is written, one array a write.
private actor Recorder: P2PCore.Stream {
  nonisolated let id: Int64 = 0
  nonisolated let direction = Direction.outbound
  private(set) var written: [[UInt8]] = []
  private(set) var finishes = 0

  func read(upTo maximum: Int) async throws(StreamError) -> [UInt8]? { nil }

  func write(_ bytes: [UInt8], finish: Bool) async throws(StreamError) {
    self.written.append(bytes)
    if finish { self.finishes += 1 }
  }

  nonisolated func reset(code: UInt64) {}
  nonisolated func stopReading(code: UInt64) {}
}

/// Both ends of one pipe.
private final class PipeStream: P2PCore.Stream {
  let id: Int64 = 0
  let direction = Direction.outbound
  private let pipe: MemoryPipe

  init(_ pipe: MemoryPipe) { self.pipe = pipe }

  func read(upTo maximum: Int) async throws(StreamError) -> [UInt8]? { try await self.pipe.read(upTo: maximum) }

  func write(_ bytes: [UInt8], finish: Bool) async throws(StreamError) {
    try await self.pipe.write(bytes, finish: finish)
  }

  func reset(code: UInt64) {}
  func stopReading(code: UInt64) {}
}
