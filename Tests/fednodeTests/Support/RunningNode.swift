import Glibc
import HTTPTestClient
import Synchronization
import Testing

@testable import fednode

/// `fednode run` in this process, on free ports of loopback.
final class RunningNode: Sendable {
  let said: OutputCapture
  private let logFile: LogFile
  private let signal: AsyncStream<Int32>.Continuation
  private let status: Status
  private final class Status: Sendable {
    let value = Mutex<Int32?>(nil)
    var ended: Int32? { self.value.withLock { $0 } }
  }

  /// Returns when it serves, or has ended.
  init(_ arguments: [String] = [], in directory: TemporaryDirectory, file: String? = nil) async throws {
    let (signals, signal) = AsyncStream<Int32>.makeStream()
    let words =
      [
        "run", "--config", try file ?? directory.write("empty.yaml", ""), "--data-dir", directory.path + "/data",
        "--listen", "/ip4/127.0.0.1/udp/0/quic-v1",
      ] + (arguments.contains("--api") ? [] : ["--api", "127.0.0.1:0"]) + arguments
    self.logFile = try LogFile(in: directory)
    self.said = OutputCapture(log: self.logFile.descriptor)
    let (status, output, home) = (Status(), self.said.output, directory.path)
    self.signal = signal
    self.status = status
    Task {
      let code = await Fednode.run(words, environment: ["HOME": home], output) {
        for await number in signals { return number }
        return SIGTERM
      }
      status.value.withLock { $0 = code }
    }
    while self.line("API") == nil, status.ended == nil { try await Task.sleep(for: .milliseconds(5)) }
  }

  deinit { self.signal.finish() }

  /// Its log so far, as JSON.
  var log: [String] { get throws { try self.logFile.lines } }

  /// The exit status. Sends the signal first.
  func stop(_ number: Int32 = SIGTERM) async throws -> Int32 {
    self.signal.yield(number)
    while true {
      if let status = self.status.ended { return status }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// What stands behind `title` in what it said at the start.
  func line(_ title: String) -> String? {
    for line in self.said.lines where line.hasPrefix("  \(title)") {
      return line.dropFirst(2 + title.count).drop { $0 == " " }.description
    }
    return nil
  }

  /// With `/p2p`.
  var address: String {
    get throws { try #require(self.line("dial it at")) }
  }

  /// One call of the API.
  func call(_ method: String, _ path: String, _ body: String = "") async throws -> HTTPTestClient.Response {
    let url = try #require(self.line("API"))
    let port = try #require(UInt16(url.split(separator: ":")[2].prefix { $0 != "/" }))
    let client = try HTTPTestClient(port: port)
    defer { client.close() }
    _ = await client.send(
      "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    return try await client.response()
  }
}
