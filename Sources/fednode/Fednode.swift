internal import Glibc
internal import Logging

/// The program: reads the command line, runs one command, ends with its exit status.
@main struct Fednode {
  static func main() async {
    Signals.install()
    Terminal.useLineBuffering()
    exit(await Self.run(Array(CommandLine.arguments.dropFirst()), environment: Terminal.environment))
  }

  /// `stop` returns with the signal that ends a node. Answers the exit status: 0 done, 1 failed, 2 wrong command line
  /// or configuration.
  static func run(
    _ arguments: [String], environment: [String: String], _ output: Output = .standard,
    stop: @Sendable () async -> Int32 = { await Signals.next() }
  ) async -> Int32 {
    do {
      switch try CommandLineParser.parse(arguments) {
      case .help(let command):
        output.print(Help.text(command))
        return 0
      case .command(let command):
        return try await Self.run(command, environment, output, stop)
      }
    } catch let error as UsageError {
      output.note("fednode: \(error)")
      if let command = error.command { output.note("See fednode \(command) --help") }
      return 2
    } catch let error as ConfigurationFailure {
      for problem in error.problems { output.note("fednode: \(problem)") }
      return 2
    } catch {
      output.note("fednode: \(error)")
      return 1
    }
  }

  private static func run(
    _ command: ParsedCommand, _ environment: [String: String], _ output: Output, _ stop: @Sendable () async -> Int32
  ) async throws -> Int32 {
    let input = command.configurationInput(environment: environment)
    switch command.specification.name {
    case "keygen": return try KeygenCommand.run(command, output)
    case "id": return try IDCommand.run(ConfigurationLoader.load(input), json: command.has("--json"), output)
    case "config check": return ConfigCommand.check(input, json: command.has("--json"), output)
    case "config show":
      return try ConfigCommand.show(
        ConfigurationLoader.load(input, checkingKey: false), json: command.has("--json"), output)
    case "ping":
      let options = try PingOptions(command)
      Self.startLog(output, options.logLevel)
      return await ping(options, output)
    case "identify":
      let options = try IdentifyOptions(command)
      Self.startLog(output, options.logLevel)
      return await identify(options, output)
    case "perf":
      let options = try PerfOptions(command)
      Self.startLog(output, options.logLevel)
      return await perf(options, output)
    case "version":
      output.print(command.has("--json") ? JSONText.object([("version", .string(Version.number))]).text : Version.agent)
      return 0
    default:
      Signals.expect()
      let hangUps = Signals.hangUps()
      let loaded = try ConfigurationLoader.load(input)
      let identity = try IdentityStore.loadOrCreate(loaded)
      let configuration = loaded.configuration
      Self.startLog(output, configuration.logLevel, configuration.logOverrides, configuration.logFormat)
      return await fednode.run(
        loaded, from: input, identity: identity.key, isNewIdentity: identity.isNew, output, hangUps: hangUps,
        stop: stop)
    }
  }

  private static func startLog(
    _ output: Output, _ level: LogLevel, _ overrides: [String: LogLevel] = [:], _ format: LogFormat? = nil
  ) {
    LogBackend.bootstrap(
      level: level, overrides: overrides, format: format ?? .suiting(fileDescriptor: output.log), output: output.log)
  }
}
