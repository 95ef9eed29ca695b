import P2PCore
import Testing

@testable import Federation

/// Milliseconds since the Unix epoch that tests begin at.
let begin: UInt64 = 1_790_000_000_000

func offer(_ versions: [String] = ["1.0.0"], network: String = "regtest") throws -> Offer {
  try Offer(
    spoken: VersionedProtocol(
      name: FederationProtocol.name, versions: versions.map { try #require(SemanticVersion($0)) }),
    network: network, agent: "tests/1")
}

func agreement() throws -> Agreement {
  Agreement(
    version: SemanticVersion(major: 1, minor: 0, patch: 0), network: "regtest", capabilities: [], agent: "tests/1",
    sendLimit: 1 << 20, receiveLimit: 1 << 20, sinceMilliseconds: begin, clock: nil)
}

/// A stream that yields its bytes a few at a time and then ends; it keeps what is written, one array a write.
actor ScriptedStream: P2PCore.Stream {
  nonisolated let id: Int64 = 0
  nonisolated let direction = Direction.inbound
  private var bytes: ArraySlice<UInt8>
  private let pieces: Int
  private(set) var written: [[UInt8]] = []
  private(set) var finished = false

  init(_ bytes: [UInt8], pieces: Int = .max) {
    self.bytes = bytes[...]
    self.pieces = pieces
  }

  func read(upTo maximum: Int) async throws(StreamError) -> [UInt8]? {
    let piece = self.bytes.prefix(min(maximum, self.pieces))
    self.bytes = self.bytes.dropFirst(piece.count)
    return piece.isEmpty ? nil : Array(piece)
  }

  func write(_ bytes: [UInt8], finish: Bool) async throws(StreamError) {
    self.written.append(bytes)
    if finish { self.finished = true }
  }

  nonisolated func reset(code: UInt64) {}
  nonisolated func stopReading(code: UInt64) {}
}
