internal import Logging
internal import P2PCore

/// What `fednode ping` was asked for.
struct PingOptions: Sendable {
  let address: Multiaddr
  /// 1…1000
  let count: Int
  /// For the dial, and for each echo.
  let timeout: Duration
  let json: Bool
  let logLevel: LogLevel

  init(_ command: ParsedCommand) throws(UsageError) {
    let words = ToolWords(command)
    self.address = try words.address()
    self.count = try words.count("--count", 1...1_000, default: 4)
    self.timeout = try words.timeout(default: .seconds(10))
    self.json = command.has("--json")
    self.logLevel = try words.logLevel()
  }
}

/// What `fednode identify` was asked for.
struct IdentifyOptions: Sendable {
  let address: Multiaddr
  let timeout: Duration
  let json: Bool
  let logLevel: LogLevel

  init(_ command: ParsedCommand) throws(UsageError) {
    let words = ToolWords(command)
    self.address = try words.address()
    self.timeout = try words.timeout(default: .seconds(10))
    self.json = command.has("--json")
    self.logLevel = try words.logLevel()
  }
}

/// What `fednode perf` was asked for.
struct PerfOptions: Sendable {
  let address: Multiaddr
  /// Bytes.
  let upload: UInt64
  let download: UInt64
  /// For the dial and all of the transfer.
  let timeout: Duration
  let json: Bool
  let logLevel: LogLevel

  init(_ command: ParsedCommand) throws(UsageError) {
    let words = ToolWords(command)
    self.address = try words.address()
    self.upload = try words.size("--upload", default: 10 << 20)
    self.download = try words.size("--download", default: 10 << 20)
    self.timeout = try words.timeout(default: .seconds(60))
    self.json = command.has("--json")
    self.logLevel = try words.logLevel()
  }
}

/// Reads the words of a one-shot tool.
private struct ToolWords {
  let command: ParsedCommand

  init(_ command: ParsedCommand) { self.command = command }

  func address() throws(UsageError) -> Multiaddr {
    let text = self.command.operands.first ?? ""
    do throws(ValueError) {
      // A name or a peer id without a transport is judged by the dial's own rules.
      return try ValueType<Multiaddr>.dialAddress.read(.text(text))
    } catch {
      throw self.error("\(error.message); \(error.mend)")
    }
  }

  func timeout(default standard: Duration) throws(UsageError) -> Duration {
    try self.read(
      "--timeout", .duration(.milliseconds(1)...Duration.seconds(3_600)), default: standard)
  }

  func count(_ name: String, _ range: ClosedRange<Int>, default standard: Int) throws(UsageError) -> Int {
    try self.read(name, .integer(range), default: standard)
  }

  /// Tools log little unless asked, so that their answer stands alone.
  func logLevel() throws(UsageError) -> LogLevel {
    try self.read("--log-level", .logLevel, default: .warning)
  }

  func size(_ name: String, default standard: UInt64) throws(UsageError) -> UInt64 {
    guard let text = self.command.value(name) else { return standard }
    guard let size = parseSize(text) else {
      throw self.error("\(name): \(quoted(text)) is not a size; write for example 1000, 64KiB or 10MiB")
    }
    return size
  }

  private func read<Value>(
    _ name: String, _ type: ValueType<Value>, default standard: Value
  ) throws(UsageError) -> Value {
    guard let text = self.command.value(name) else { return standard }
    do throws(ValueError) {
      return try type.read(.text(text))
    } catch {
      throw self.error("\(name): \(error.message); \(error.mend)")
    }
  }

  private func error(_ message: String) -> UsageError {
    UsageError(message, command: self.command.specification.name)
  }
}
