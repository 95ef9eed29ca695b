import Testing

@testable import fednode

@Suite struct CommandLineTests {
  private static func command(_ arguments: [String]) throws -> ParsedCommand {
    guard case .command(let command) = try CommandLineParser.parse(arguments) else {
      throw UsageError("help was asked for")
    }
    return command
  }

  private static func refusal(_ arguments: [String]) -> UsageError? {
    do throws(UsageError) {
      _ = try CommandLineParser.parse(arguments)
      return nil
    } catch {
      return error
    }
  }

  @Test(
    "Commands are found",
    arguments: [
      ([], "run"), (["run"], "run"), (["--config", "x"], "run"), (["config", "check"], "config check"),
      (["config", "show", "--json"], "config show"), (["--json", "config", "show"], "config show"),
      (["ping", "/ip4/127.0.0.1/udp/1/quic-v1"], "ping"), (["--version"], "version"), (["version"], "version"),
      (["keygen", "--type=rsa"], "keygen"), (["ping", "--", "--odd"], "ping"),
    ])
  func commands(arguments: [String], name: String) throws {
    #expect(try Self.command(arguments).specification.name == name)
  }

  @Test("Flags have values in both forms and may repeat where that makes sense")
  func values() throws {
    let command = try Self.command(["run", "--listen", "a", "--listen=b", "--api=c=d", "--data-dir", "-"])
    #expect(command.values["--listen"] == ["a", "b"])
    #expect(command.value("--api") == "c=d")
    #expect(command.value("--data-dir") == "-")
    let input = command.configurationInput(environment: ["A": "b"])
    #expect(input.flags.map(\.key).sorted() == ["api.address", "data_dir", "network.addresses"])
    #expect(input.environment == ["A": "b"])
  }

  @Test(
    "What cannot be understood is refused with a mend",
    arguments: [
      (["rnu"], "did you mean run?"), (["confg"], "did you mean config?"), (["nothing-like-it"], "fednode --help"),
      (["config"], "check, show"), (["config", "shwo"], "did you mean fednode config show?"),
      (["--lisen", "x"], "did you mean --listen?"), (["keygen", "--outptu=x"], "did you mean --output?"),
      (["keygen", "--listen", "x"], "it belongs to fednode run"), (["run", "--api"], "needs a value"),
      (["run", "--api", "--json"], "needs a value"), (["id", "--json=1"], "takes no value"),
      (["run", "--api", "a", "--api", "b"], "stands there twice"), (["ping"], "MULTIADDR is missing"),
      (["id", "x"], "one word too many"), (["ping", "a", "b"], "\"b\""), (["-x"], "unknown flag"),
    ])
  func refusals(arguments: [String], words: String) throws {
    let error = try #require(Self.refusal(arguments))
    #expect(error.description.contains(words), "\(error)")
  }

  @Test("Help is there for the program and each command, in each form", arguments: ["--help", "-h", "help"])
  func help(word: String) throws {
    guard case .help(nil) = try CommandLineParser.parse([word]) else {
      Issue.record("no help")
      return
    }
    for command in CommandSpecification.all {
      let words = command.name.split(separator: " ").map(String.init)
      guard case .help(let found?) = try CommandLineParser.parse(word == "help" ? [word] + words : words + [word])
      else {
        Issue.record("no help for \(command.name)")
        continue
      }
      #expect(found.name == command.name)
      #expect(!command.examples.isEmpty)
      #expect(Help.text(found).contains("Usage: fednode \(command.name)"))
    }
    #expect(Help.text(nil).split(separator: "\n").allSatisfy { $0.count <= 120 })
  }

  @Test("Every example in the help is a command line that is understood")
  func examples() throws {
    for command in CommandSpecification.all {
      for (line, _) in command.examples {
        let words = line.split(separator: " ").map(String.init)
        guard let start = words.firstIndex(of: "fednode") else { continue }
        let arguments = words[(start + 1)...].prefix { !["|", "&&", ">"].contains($0) }
        #expect(Self.refusal(Array(arguments)) == nil, "\(line)")
      }
    }
  }

  @Test("Every flag that sets a key sets one that exists")
  func keys() {
    let keys = ConfigurationKey.all(home: nil).map(\.name)
    for option in CommandSpecification.all.flatMap(\.options) {
      if let key = option.key { #expect(keys.contains(key)) }
    }
  }

  @Test("Flags of one name are the same everywhere, since parsing looks them up before the command")
  func sameFlags() {
    for option in CommandSpecification.all.flatMap(\.options) {
      for other in CommandSpecification.all.flatMap(\.options) where other.name == option.name {
        #expect((option.value == nil) == (other.value == nil))
      }
    }
  }

  @Test("Tools read their options and judge their address")
  func tools() throws {
    let address = "/ip4/127.0.0.1/udp/1/quic-v1"
    let ping = try PingOptions(Self.command(["ping", address, "--count", "7", "--timeout", "3s", "--json"]))
    #expect(ping.address.description == address)
    #expect(ping.count == 7)
    #expect(ping.timeout == .seconds(3))
    #expect(ping.json)
    #expect(ping.logLevel == .warning)
    let perf = try PerfOptions(Self.command(["perf", "--upload", "1MiB", "--download=0", address]))
    #expect(perf.upload == 1 << 20)
    #expect(perf.download == 0)
    #expect(perf.timeout == .seconds(60))
    #expect(try IdentifyOptions(Self.command(["identify", address, "--log-level", "debug"])).logLevel == .debug)

    for words in [["x"], ["/ip4/127.0.0.1/tcp/1"], [address, "--count", "0"], [address, "--timeout", "5"]] {
      let command = try Self.command(["ping"] + words)
      #expect(throws: UsageError.self) { try PingOptions(command) }
    }
    let wrong = try Self.command(["perf", address, "--upload", "-1"])
    #expect(throws: UsageError.self) { try PerfOptions(wrong) }
  }

  @Test("Exit status 2 means a wrong command line or configuration")
  func status() async throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write("bad.yaml", "x: 1")
    #expect(await Fednode.run(["bogus"], environment: [:]) == 2)
    #expect(await Fednode.run(["config", "check", "--config", file], environment: ["HOME": directory.path]) == 2)
    #expect(await Fednode.run(["id", "--config", file], environment: ["HOME": directory.path]) == 2)
    let good = try directory.write("good.yaml", "")
    let environment = ["HOME": directory.path]
    #expect(await Fednode.run(["config", "check", "--config", good], environment: environment) == 0)
    #expect(await Fednode.run(["id", "--config", good], environment: environment) == 1)
    let key = directory.path + "/k"
    #expect(await Fednode.run(["keygen", "--output", key], environment: environment) == 0)
    #expect(await Fednode.run(["keygen", "--output", key], environment: environment) == 1)
    #expect(await Fednode.run(["keygen", "--type", "dsa"], environment: environment) == 2)
  }
}

@Suite struct UnitTests {
  @Test(
    "Durations have a unit and are written back",
    arguments: [("250ms", 250), ("10s", 10_000), ("5m", 300_000), ("2h", 7_200_000), ("0s", 0), ("1500ms", 1_500)])
  func durations(text: String, milliseconds: Int) {
    #expect(parseDuration(text) == .milliseconds(milliseconds))
    #expect(durationText(.milliseconds(milliseconds)) == text)
  }

  @Test(
    "What is no duration is refused", arguments: ["", "10", "s", "1.5s", "-1s", "10 s", "1d", "٣s", "99999999999s"])
  func noDurations(text: String) {
    #expect(parseDuration(text) == nil)
  }

  @Test(
    "Sizes",
    arguments: [("0", 0), ("1000", 1_000), ("64KiB", 65_536), ("10MiB", 10_485_760), ("1GB", 1_000_000_000)])
  func sizes(text: String, bytes: UInt64) {
    #expect(parseSize(text) == bytes)
  }

  @Test(
    "What is no size is refused",
    arguments: ["", "KiB", "1 KiB", "-1", "1kib", "99999999999999999999", "99999999999GiB"])
  func noSizes(text: String) {
    #expect(parseSize(text) == nil)
  }

  @Test("Suggestions are near or absent")
  func suggestions() {
    let words = ["address", "level", "run"]
    #expect(closest("adress", in: words) == "address")
    #expect(closest("leevl", in: words) == "level")
    #expect(closest("rnu", in: words) == "run")
    #expect(closest("LEVEL", in: words) == "level")
    #expect(closest("something", in: words) == nil)
    #expect(closest(String(repeating: "a", count: 10_000), in: words) == nil)
    #expect(closest("", in: words) == nil)
  }

  @Test("JSON text is quoted")
  func json() {
    #expect(JSONText.string("a\"b\\\n\u{1}é").text == "\"a\\\"b\\\\\\n\\u0001é\"")
    #expect(JSONText.object([("a", .array([.int(1), .bool(true), .optional(nil)]))]).text == "{\"a\":[1,true,null]}")
  }
}
