internal import GnuTLS
internal import Logging
internal import P2PCore
internal import P2PHost

/// A node that lives for one command: a new key, no listener.
struct ToolNode: Sendable {
  let node: Node

  init(logLevel: LogLevel) async throws {
    self.node = try Node(identity: try IdentityKey.generate(.ed25519), addresses: [], configuration: Configuration())
    try await self.node.host.start()
  }

  /// Connects, or throws the reason.
  func dial(_ address: Multiaddr, timeout: Duration) async throws(DialError) -> ConnectionInfo {
    let result = await self.node.host.dial(peer: address.peerID, addresses: [address], timeout: timeout)
    if let connection = result.connection { return connection }
    throw result.error ?? DialError(.cancelled, "the dial ended without an answer", temporary: true)
  }

  func stop() async { await self.node.stop(timeout: .seconds(1)) }

  /// Runs a tool and turns what it throws into words on standard error and status 1.
  static func run(
    _ name: String, logLevel: LogLevel, json: Bool, _ output: Output,
    _ body: @Sendable (ToolNode) async throws -> Int32
  ) async -> Int32 {
    do {
      let tool = try await ToolNode(logLevel: logLevel)
      let status: Int32
      do {
        status = try await body(tool)
      } catch {
        Self.fail(name, error, json: json, output)
        status = 1
      }
      await tool.stop()
      return status
    } catch {
      Self.fail(name, error, json: json, output)
      return 1
    }
  }

  private static func fail(_ name: String, _ error: any Error, json: Bool, _ output: Output) {
    if json {
      let dial = error as? DialError
      output.print(
        JSONText.object([
          (
            "error",
            .object([
              ("class", dial.map { .string($0.class.rawValue) } ?? .null),
              ("detail", .string(dial?.detail ?? "\(error)")),
            ])
          )
        ]).text)
    }
    output.note("fednode \(name): \(error)")
  }
}

/// Milliseconds with three decimals, as `ping` prints them.
func milliseconds(_ duration: Duration) -> Double {
  (duration / .microseconds(1)).rounded() / 1_000
}
