internal import P2PCore

/// Echoes 32 bytes at a time (libp2p specs: ping).
struct PingProtocol: ProtocolHandler {
  static let protocolID = "/ipfs/ping/1.0.0"
  static let size = 32

  var serves: ServedProtocol { .ids([Self.protocolID]) }
  /// Peers keep a ping stream open between pings.
  var options: ProtocolOptions { ProtocolOptions(delaysShutdown: false) }

  func handle(_ stream: ProtocolStream, from peer: RemotePeer) async throws {
    while let payload = try await stream.read(exactly: Self.size) {
      try await stream.write(payload)
    }
  }

  /// One round trip on a stream of its own. Our side is finished only after the echo: js-libp2p does not end its
  /// side of a ping that came with a FIN, and rust-libp2p may let a second ping on one stream wait for 15 s.
  static func measure(on connection: any Connection, clock: HostClock) async throws -> Duration {
    var random = SystemRandomNumberGenerator()
    let payload = (0..<Self.size).map { _ in UInt8.random(in: 0...255, using: &random) }
    let began = clock.monotonic()
    let stream = try await ProtocolStream.open(on: connection, protocols: [Self.protocolID], firstPayload: payload)
    do {
      guard let echo = try await stream.read(exactly: Self.size) else { throw ProtocolStreamError.unexpectedEnd }
      let roundTrip = clock.monotonic() - began
      guard echo == payload else { throw ProtocolStreamError.violation("the echo differs from the ping") }
      try await stream.conclude()
      return roundTrip
    } catch {
      stream.reset(code: StreamCode.none)
      throw error
    }
  }
}
