import Glibc
import Testing

@testable import Logging

/// The backend is one per process: these tests run one after the other.
@Suite(.serialized) struct LogBackendTests {
  /// What `body` logs, by lines.
  private static func lines(
    _ level: LogLevel, _ overrides: [String: LogLevel] = [:], _ format: LogFormat = .text, _ body: () -> Void
  ) -> [String] {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    defer { close(ends[0]) }
    LogBackend.bootstrap(level: level, overrides: overrides, format: format, output: ends[1])
    body()
    LogBackend.bootstrap(level: .info, format: .text)
    close(ends[1])
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while case let count = read(ends[0], &chunk, chunk.count), count > 0 { bytes += chunk.prefix(count) }
    // Other tests of this process may log at the same time.
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init).filter {
      $0.contains("logging-test-")
    }
  }

  @Test("Lines below the level are not written and their words not made", arguments: LogLevel.allCases)
  func levels(level: LogLevel) {
    let logger = Logger(subsystem: "logging-test-test")
    var made = 0
    func words(_ level: LogLevel) -> String {
      made += 1
      return level.name
    }
    let lines = Self.lines(level) {
      for severity in LogLevel.allCases { logger.log(severity, words(severity)) }
    }
    let expected = LogLevel.allCases.filter { $0 >= level }
    #expect(lines.count == expected.count)
    #expect(made == expected.count)
    for (line, severity) in zip(lines, expected) { #expect(line.hasSuffix("logging-test-test: \(severity.name)")) }
  }

  @Test("A subsystem may have its own level")
  func overrides() {
    let lines = Self.lines(.warning, ["logging-test-loud": .debug]) {
      for name in ["logging-test-loud", "logging-test-quiet"] {
        let logger = Logger(subsystem: name)
        logger.trace("trace")
        logger.debug("debug")
        logger.info("info")
        logger.notice("notice")
        logger.warning("warning")
        logger.error("error")
        logger.critical("critical")
      }
    }
    #expect(lines.filter { $0.contains("loud") }.count == 6)
    #expect(lines.filter { $0.contains("quiet") }.count == 3)
  }

  @Test("Levels change for loggers that exist")
  func change() {
    let logger = Logger(subsystem: "logging-test-changing")
    let lines = Self.lines(.error) {
      logger.info("one")
      LogBackend.setLevels(.error, overrides: ["logging-test-changing": .info])
      logger.info("two")
      #expect(LogBackend.currentLevels.level == .error)
      #expect(LogBackend.currentLevels.overrides == ["logging-test-changing": .info])
    }
    #expect(lines.count == 1)
    #expect(lines.first?.hasSuffix("two") == true)
  }

  @Test("Lines of several threads do not mix")
  func threads() async {
    let logger = Logger(subsystem: "logging-test-threads")
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    LogBackend.bootstrap(level: .info, format: .json, output: ends[1])
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<4 {
        group.addTask { for index in 0..<50 { logger.info("line", [("id", "\(task)-\(index)")]) } }
      }
    }
    LogBackend.bootstrap(level: .info, format: .text)
    close(ends[1])
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while case let count = read(ends[0], &chunk, chunk.count), count > 0 { bytes += chunk.prefix(count) }
    close(ends[0])
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").filter {
      $0.contains("logging-test-")
    }
    #expect(lines.count == 200)
    #expect(lines.allSatisfy { $0.hasPrefix("{\"time\"") && $0.hasSuffix("\"}") })
  }

  @Test("An output that is closed loses lines and nothing else")
  func closedOutput() {
    LogBackend.bootstrap(level: .info, format: .text, output: -1)
    Logger(subsystem: "logging-test-lost").info("lost")
    LogBackend.bootstrap(level: .info, format: .text)
  }

  @Test("A rate-limited log says a thing once a minute")
  func rateLimit() {
    let log = RateLimitedLog(Logger(subsystem: "logging-test-limited"))
    let lines = Self.lines(.info) {
      for _ in 0..<10 { log.log(.info, key: "a", "one") }
      log.log(.info, key: "b", "two")
      log.log(.debug, key: "c", "three")
    }
    #expect(lines.count == 2)
  }
}

@Suite struct RateLimitTableTests {
  @Test("A key speaks again after the interval and says how often it was silent")
  func interval() {
    var table = RateLimitTable()
    #expect(table.admit("a", at: 100) == 0)
    #expect(table.admit("a", at: 101) == nil)
    #expect(table.admit("a", at: 159) == nil)
    #expect(table.admit("b", at: 159) == 0)
    #expect(table.admit("a", at: 160) == 2)
    #expect(table.admit("a", at: 219) == nil)
  }

  @Test("A full table stays at its size, and further keys share one voice")
  func bound() {
    var table = RateLimitTable()
    let admitted = (0..<5_000).filter { table.admit("key \($0)", at: 0) != nil }.count
    #expect(admitted == RateLimitTable.keysMax + 1)
    #expect(table.count == RateLimitTable.keysMax)
    #expect(table.admit("late", at: 60) == 0)
    #expect(table.count == 1)
  }
}

@Suite struct LogLevelTests {
  @Test("Levels have names that are read back", arguments: LogLevel.allCases)
  func names(level: LogLevel) {
    #expect(LogLevel(name: level.name) == level)
    #expect(LogLevel(name: level.name.uppercased()) == nil)
  }

  @Test("A pipe gets JSON")
  func format() {
    var ends: [Int32] = [0, 0]
    pipe(&ends)
    #expect(LogFormat.suiting(fileDescriptor: ends[1]) == .json)
    close(ends[0])
    close(ends[1])
  }
}
