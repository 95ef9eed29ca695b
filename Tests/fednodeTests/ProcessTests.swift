import Foundation
import Testing

@testable import fednode

/// The program as a process: what only the operating system can show.
@Suite(.timeLimit(.minutes(1))) struct ProcessTests {
  private let directory: TemporaryDirectory

  init() throws { self.directory = try TemporaryDirectory() }

  /// Beside the program that runs the tests.
  private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("fednode")

  private func start(_ arguments: [String], output: Pipe, errors: Pipe? = nil) throws -> Process {
    let process = Process()
    process.executableURL = Self.program
    process.arguments = arguments
    // What it ran counts for the coverage as well, and what a sanitizer finds in it.
    let kept = ["LLVM_PROFILE_FILE", "TSAN_OPTIONS", "ASAN_OPTIONS", "PATH"]
    process.environment = ProcessInfo.processInfo.environment.filter { kept.contains($0.key) }
      .merging(["HOME": self.directory.path]) { $1 }
    process.currentDirectoryURL = URL(fileURLWithPath: self.directory.path)
    process.standardOutput = output
    process.standardError = errors ?? FileHandle.nullDevice
    try process.run()
    return process
  }

  /// Reads until a line starts with `words`, to the end, or for ten seconds without a byte.
  private static func lines(of output: Pipe, until words: String) -> [String] {
    Self.lines(of: output) { $0.hasPrefix(words) }
  }

  private static func lines(of output: Pipe, until isLast: (String) -> Bool) -> [String] {
    var bytes = Data()
    while true {
      var polled = pollfd(fd: output.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
      let more = poll(&polled, 1, 10_000) > 0 ? output.fileHandleForReading.availableData : Data()
      bytes += more
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
      if more.isEmpty || lines.contains(where: isLast) { return lines }
    }
  }

  /// Of a process that has 20 seconds left to end.
  private static func status(of process: Process) -> Int32 {
    for _ in 0..<4_000 where process.isRunning { usleep(5_000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
    return process.terminationStatus
  }

  @Test(
    "A node says at once where it is, into a pipe as well, and ends in order with a signal",
    arguments: [SIGINT, SIGTERM])
  func signals(number: Int32) throws {
    let output = Pipe()
    let process = try self.start(
      [
        "--data-dir", self.directory.path + "/data", "--listen", "/ip4/127.0.0.1/udp/0/quic-v1", "--api", "127.0.0.1:0",
        "--config", try self.directory.write("empty.yaml", ""),
      ], output: output)
    #expect(Self.lines(of: output, until: "  API").count >= 4)
    kill(process.processIdentifier, number)
    #expect(Self.status(of: process) == 0)
    #expect(process.terminationReason == .exit)
  }

  @Test("A node that is told to hang up reads its configuration again and goes on")
  func hangUp() throws {
    let output = Pipe()
    let errors = Pipe()
    let file = try self.directory.write("node.yaml", "logging: {format: text}")
    let process = try self.start(
      [
        "--data-dir", self.directory.path + "/data", "--listen", "/ip4/127.0.0.1/udp/0/quic-v1", "--api", "127.0.0.1:0",
        "--config", file,
      ], output: output, errors: errors)
    #expect(Self.lines(of: output, until: "  API").count >= 4)
    try self.directory.write("node.yaml", "logging: {format: json, level: debug}")
    kill(process.processIdentifier, SIGHUP)
    let lines = Self.lines(of: errors) { $0.contains("the configuration was reloaded") }
    let told = lines.last { $0.contains("the configuration was reloaded") }
    #expect(told?.contains(#""changed":"logging.level,logging.format""#) == true, "\(lines)")
    kill(process.processIdentifier, SIGTERM)
    #expect(Self.status(of: process) == 0)
    #expect(process.terminationReason == .exit)
  }

  @Test("A tool that waits for a peer ends at once with a signal, as a shell expects")
  func tool() throws {
    let output = Pipe()
    // A server that says nothing.
    let silent = try DNSServer { _ in [] }
    let process = try self.start(
      ["ping", "/ip4/127.0.0.1/udp/\(silent.port)/quic-v1", "--timeout", "50s"], output: output)
    for _ in 0..<2_000 where silent.datagrams == 0 { usleep(5_000) }
    kill(process.processIdentifier, SIGINT)
    #expect(Self.status(of: process) == 128 + SIGINT)
  }

  @Test("A wrong word is exit status 2, and nothing stands on standard output")
  func usage() throws {
    let output = Pipe()
    let process = try self.start(["pign"], output: output)
    #expect(Self.lines(of: output, until: "\n").isEmpty)
    #expect(Self.status(of: process) == 2)
  }
}
