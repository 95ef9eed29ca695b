internal import Glibc
internal import Logging

/// The program: reads the command line, runs one command, ends with its exit status.
@main struct Fednode {
  static func main() async {
    Signals.install()
    Terminal.useLineBuffering()
    exit(await Self.run(Array(CommandLine.arguments.dropFirst()), environment: Terminal.environment))
  }

  /// Answers the exit status: 0 done, 1 failed, 2 wrong command line or configuration.
  static func run(_ arguments: [String], environment: [String: String]) async -> Int32 {
    do {
      switch try CommandLineParser.parse(arguments) {
      case .help(let command):
        print(Help.text(command))
        return 0
      case .command(let command):
        return try await Self.run(command, environment)
      }
    } catch let error as UsageError {
      Terminal.note("fednode: \(error)")
      if let command = error.command { Terminal.note("See fednode \(command) --help") }
      return 2
    } catch let error as ConfigurationFailure {
      for problem in error.problems { Terminal.note("fednode: \(problem)") }
      return 2
    } catch {
      Terminal.note("fednode: \(error)")
      return 1
    }
  }

  private static func run(_ command: ParsedCommand, _ environment: [String: String]) async throws -> Int32 {
    let input = command.configurationInput(environment: environment)
    switch command.specification.name {
    case "keygen": return try KeygenCommand.run(command)
    case "id": return try IDCommand.run(ConfigurationLoader.load(input), json: command.has("--json"))
    case "config check": return ConfigCommand.check(input, json: command.has("--json"))
    case "config show":
      return try ConfigCommand.show(ConfigurationLoader.load(input, checkingKey: false), json: command.has("--json"))
    case "ping":
      let options = try PingOptions(command)
      Self.startLog(options.logLevel)
      return await ping(options)
    case "identify":
      let options = try IdentifyOptions(command)
      Self.startLog(options.logLevel)
      return await identify(options)
    case "perf":
      let options = try PerfOptions(command)
      Self.startLog(options.logLevel)
      return await perf(options)
    case "version":
      print(command.has("--json") ? JSONText.object([("version", .string(Version.number))]).text : Version.agent)
      return 0
    default:
      let loaded = try ConfigurationLoader.load(input)
      let identity = try IdentityStore.loadOrCreate(loaded)
      let configuration = loaded.configuration
      Self.startLog(configuration.logLevel, configuration.logOverrides, configuration.logFormat)
      return await fednode.run(loaded, identity: identity.key, isNewIdentity: identity.isNew)
    }
  }

  /// The log goes to standard error; what was asked for goes to standard output.
  private static func startLog(
    _ level: LogLevel, _ overrides: [String: LogLevel] = [:], _ format: LogFormat? = nil
  ) {
    LogBackend.bootstrap(level: level, overrides: overrides, format: format ?? .suiting(fileDescriptor: STDERR_FILENO))
  }
}
