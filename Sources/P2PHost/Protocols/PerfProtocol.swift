internal import P2PCore

/// What a performance test moved and how long each way took.
package struct PerfResult: Sendable {
  package var uploadBytes: UInt64
  package var downloadBytes: UInt64
  /// From the first byte to the remote's answer where it has one, otherwise to the last byte handed over.
  package var upload: Duration
  package var download: Duration
}

/// Moves bytes to measure throughput (libp2p specs: perf): the client says in 8 bytes, big-endian, how much it
/// wants, uploads until it finishes; then the server sends that much and finishes.
struct PerfProtocol: ProtocolHandler {
  static let protocolID = "/perf/1.0.0"
  /// Bytes per write and read.
  static let chunkSize = 65_536
  private static let zeros = [UInt8](repeating: 0, count: Self.chunkSize)

  var serves: ServedProtocol { .ids([Self.protocolID]) }

  func handle(_ stream: ProtocolStream, from peer: RemotePeer) async throws {
    guard let header = try await stream.read(exactly: 8) else { throw ProtocolStreamError.unexpectedEnd }
    let wanted = header.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    while try await stream.read(upTo: Self.chunkSize) != nil {}
    try await Self.send(wanted, on: stream)
  }

  /// Uploads `upload` bytes, then downloads `download`.
  static func measure(
    on connection: any Connection, upload: UInt64, download: UInt64, clock: HostClock
  ) async throws -> PerfResult {
    let header = (0..<8).map { UInt8(truncatingIfNeeded: download >> (56 - 8 * $0)) }
    let began = clock.monotonic()
    let stream = try await ProtocolStream.open(on: connection, protocols: [Self.protocolID], firstPayload: header)
    do {
      try await Self.send(upload, on: stream)
      var sent = clock.monotonic()
      var received: UInt64 = 0
      while let chunk = try await stream.read(upTo: Self.chunkSize) {
        if received == 0 { sent = clock.monotonic() }
        received += UInt64(chunk.count)
        if received > download { throw ProtocolStreamError.violation("more bytes than were asked for") }
      }
      if received < download { throw ProtocolStreamError.unexpectedEnd }
      if download == 0 { sent = clock.monotonic() }
      let ended = clock.monotonic()
      return PerfResult(uploadBytes: upload, downloadBytes: download, upload: sent - began, download: ended - sent)
    } catch {
      stream.reset(code: StreamCode.none)
      throw error
    }
  }

  /// Sends that many bytes and finishes.
  private static func send(_ count: UInt64, on stream: ProtocolStream) async throws(ProtocolStreamError) {
    var left = count
    while left > UInt64(Self.chunkSize) {
      try await stream.write(Self.zeros)
      left -= UInt64(Self.chunkSize)
    }
    try await stream.write(Array(Self.zeros.prefix(Int(left))), finish: true)
  }
}
