internal import P2PCore

/// What the command line asks for.
enum Invocation: Sendable {
  case command(ParsedCommand)
  /// Nil: of the program as a whole.
  case help(CommandSpecification?)
}

struct ParsedCommand: Sendable {
  let specification: CommandSpecification
  /// By the option's name; each as often as it stood there. Options without a value count with an empty word.
  let values: [String: [String]]
  let operands: [String]

  func has(_ name: String) -> Bool { self.values[name] != nil }
  /// The last word counts.
  func value(_ name: String) -> String? { self.values[name]?.last }

  /// What the flags and `environment` say about the configuration.
  func configurationInput(environment: [String: String]) -> ConfigurationInput {
    let flags = self.specification.options.compactMap { option -> ConfigurationInput.FlagValue? in
      guard let key = option.key, let values = self.values[option.name] else { return nil }
      return ConfigurationInput.FlagValue(flag: option.name, key: key, values: values)
    }
    return ConfigurationInput(file: self.value("--config"), flags: flags, environment: environment)
  }
}

/// A command line that cannot be understood; exit status 2.
struct UsageError: Error, Sendable, Hashable, CustomStringConvertible {
  let description: String
  /// The command whose help would help.
  var command: String?

  init(_ description: String, command: String? = nil) {
    self.description = description
    self.command = command
  }
}

enum CommandLineParser {
  /// - Parameter arguments: without the program's name.
  static func parse(_ arguments: [String]) throws(UsageError) -> Invocation {
    var words: [String] = []
    var options: [(option: OptionSpecification, value: String)] = []
    var wantsHelp = false
    var index = 0
    while index < arguments.count {
      let argument = arguments[index]
      index += 1
      if argument == "--" {
        words += arguments[index...]
        break
      }
      switch argument {
      case "-h", "--help": wantsHelp = true
      case "--version": words.insert("version", at: 0)
      case _ where argument.hasPrefix("-") && argument != "-":
        options.append(try Self.option(argument, arguments, &index, words))
      default: words.append(argument)
      }
    }
    if words.first == "help" {
      wantsHelp = true
      words.removeFirst()
    }
    if wantsHelp, words.isEmpty { return .help(nil) }
    let (command, operands) = try Self.command(words)
    if wantsHelp { return .help(command) }
    return .command(try Self.check(command, options, operands))
  }

  /// Reads `--name value` and `--name=value`.
  private static func option(
    _ argument: String, _ arguments: [String], _ index: inout Int, _ words: [String]
  ) throws(UsageError) -> (option: OptionSpecification, value: String) {
    let name = String(argument.prefix { $0 != "=" })
    let all = CommandSpecification.all.flatMap(\.options)
    guard let option = all.first(where: { $0.name == name }) else {
      let guess = closest(name, in: all.map(\.name) + ["--help", "--version"]).map { "; did you mean \($0)?" } ?? ""
      throw UsageError("unknown flag \(quoted(name))\(guess)", command: Self.name(words))
    }
    let inline = argument.count > name.count ? String(argument.dropFirst(name.count + 1)) : nil
    guard let placeholder = option.value else {
      if inline != nil { throw UsageError("\(name) takes no value", command: Self.name(words)) }
      return (option, "")
    }
    if let inline { return (option, inline) }
    guard index < arguments.count, !arguments[index].hasPrefix("--") else {
      throw UsageError("\(name) needs a value: \(name) \(placeholder)", command: Self.name(words))
    }
    index += 1
    return (option, arguments[index - 1])
  }

  /// The command that `words` begin with, and the rest; none is `run`.
  private static func command(_ words: [String]) throws(UsageError) -> (CommandSpecification, [String]) {
    guard let first = words.first else { return (.run, []) }
    let matching = CommandSpecification.all.filter { $0.name.split(separator: " ").first.map(String.init) == first }
    guard !matching.isEmpty else {
      let names = Set(CommandSpecification.all.compactMap { $0.name.split(separator: " ").first.map(String.init) })
      let guess = closest(first, in: names.sorted()).map { "did you mean \($0)?" } ?? "see fednode --help"
      throw UsageError("unknown command \(quoted(first)); \(guess)")
    }
    if let command = matching.first, command.name == first { return (command, Array(words.dropFirst())) }
    let seconds = matching.compactMap { $0.name.split(separator: " ").last.map(String.init) }
    guard words.count > 1 else {
      throw UsageError("fednode \(first) needs one of \(seconds.joined(separator: ", ")) behind it")
    }
    guard let command = matching.first(where: { $0.name == "\(first) \(words[1])" }) else {
      let guess = closest(words[1], in: seconds).map { "did you mean fednode \(first) \($0)?" }
      throw UsageError(
        "unknown command \(quoted("\(first) \(words[1])")); "
          + (guess ?? "there is fednode \(first) \(seconds.joined(separator: " and "))"))
    }
    return (command, Array(words.dropFirst(2)))
  }

  private static func check(
    _ command: CommandSpecification, _ options: [(option: OptionSpecification, value: String)], _ operands: [String]
  ) throws(UsageError) -> ParsedCommand {
    var values: [String: [String]] = [:]
    for (given, value) in options {
      guard let option = command.options.first(where: { $0.name == given.name }) else {
        let owners = CommandSpecification.all.filter { other in other.options.contains { $0.name == given.name } }
        throw UsageError(
          "fednode \(command.name) has no flag \(given.name); it belongs to "
            + owners.map { "fednode \($0.name)" }.joined(separator: ", "), command: command.name)
      }
      if values[option.name] != nil, !option.repeats {
        throw UsageError("\(option.name) stands there twice; leave one", command: command.name)
      }
      values[option.name, default: []].append(value)
    }
    if operands.count < command.operands.count {
      throw UsageError("\(command.operands[operands.count]) is missing", command: command.name)
    }
    if operands.count > command.operands.count {
      throw UsageError(
        "\(quoted(operands[command.operands.count])) is one word too many", command: command.name)
    }
    return ParsedCommand(specification: command, values: values, operands: operands)
  }

  private static func name(_ words: [String]) -> String? {
    do throws(UsageError) {
      return words.isEmpty ? nil : try Self.command(words).0.name
    } catch {
      return nil
    }
  }
}
