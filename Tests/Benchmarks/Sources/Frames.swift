import P2PCore
import P2PHost
import QUIC

/// Frames one way on one stream, by the reader and the writer that protocols use.
enum Frames {
  static let limit = 16 << 20

  /// Takes frames until the end and says how many there were.
  static func serve(_ stream: any P2PCore.Stream) async {
    do {
      let reader = FrameReader(ProtocolStream(stream), limit: self.limit)
      var count: UInt64 = 0
      while try await reader.next() != nil { count += 1 }
      try await reader.stream.write(withUnsafeBytes(of: count) { Array($0) }, finish: true)
    } catch {
      stream.reset(code: 1)
    }
  }

  /// Sends `n` frames of `size` bytes, `batch` in one call.
  static func send(
    _ transport: QUICTransport, _ address: Multiaddr, _ n: Int, size: Int, batch: Int
  ) async throws {
    let connection = try await Benchmark.dial(transport, address)
    let frame = [UInt8](repeating: 7, count: size)
    let frames = [[UInt8]](repeating: frame, count: batch)
    let begin = ContinuousClock.now
    let reply = try await Task(executorPreference: transport.streamExecutor!) {
      let stream = ProtocolStream(try await connection.openStream())
      let writer = FrameWriter(stream, limit: self.limit)
      for _ in 0..<n / batch {
        if batch == 1 { try await writer.write(frame) } else { try await writer.write(frames) }
      }
      try await stream.finish()
      return try await stream.read(exactly: 8)
    }.value
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    let sent = n / batch * batch
    let counted = reply.map { $0.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } }
    if counted != UInt64(sent) { print("failed: \(sent) frames sent, \(counted ?? 0) counted") }
    let rate = Double(sent) / seconds
    print("frames: \(sent) of \(size) bytes = \(rate) /s, \(rate * Double(size) * 8 / 1e9) Gbit/s")
  }
}
