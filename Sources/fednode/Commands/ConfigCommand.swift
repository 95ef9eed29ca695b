/// `fednode config check` and `fednode config show`
enum ConfigCommand {
  static func check(_ input: ConfigurationInput, json: Bool, _ output: Output) -> Int32 {
    var problems: [ConfigurationProblem] = []
    var file: String?
    do throws(ConfigurationFailure) {
      file = try ConfigurationLoader.load(input).file
    } catch {
      problems = error.problems
    }
    if json {
      output.print(
        JSONText.object([
          ("valid", .bool(problems.isEmpty)), ("file", .optional(file)),
          ("problems", .array(problems.map { Self.json($0) })),
        ]).text)
    } else if problems.isEmpty {
      output.print(
        "The configuration is good. \(file.map { "Read from \($0)." } ?? "There is no file; these are the defaults.")")
    } else {
      for problem in problems { output.note("fednode: \(problem)") }
    }
    return problems.isEmpty ? 0 : 2
  }

  static func show(_ loaded: LoadedConfiguration, json: Bool, _ output: Output) -> Int32 {
    output.print(json ? Self.json(loaded) : Self.yaml(loaded))
    return 0
  }

  private static func json(_ problem: ConfigurationProblem) -> JSONText {
    .object([
      ("place", .string(problem.place)), ("key", .optional(problem.key)), ("message", .string(problem.message)),
      ("mend", .string(problem.mend)),
    ])
  }

  static func json(_ loaded: LoadedConfiguration) -> String {
    let values = loaded.keys.map { key in
      let members = [
        ("value", JSONText(loaded.shown(key))), ("source", .string(loaded.origin(of: key.name).description)),
      ]
      return (key.name, JSONText.object(members))
    }
    return JSONText.object([("file", .optional(loaded.file)), ("values", .object(values))]).text
  }

  /// A file that can be read again, secrets apart.
  static func yaml(_ loaded: LoadedConfiguration) -> String {
    var lines = ["# \(loaded.file.map { "read from \($0)" } ?? "no file was read")"]
    var open: [String] = []
    for key in loaded.keys {
      let parts = key.name.split(separator: ".").map(String.init)
      let sections = parts.dropLast()
      let shared = zip(open, sections).prefix { $0 == $1 }.count
      if shared == 0, open != Array(sections) { lines.append("") }
      for level in shared..<sections.count { lines.append("\(Self.indent(level))\(sections[level]):") }
      open = Array(sections)
      let indent = Self.indent(open.count)
      let value = Self.yaml(loaded.shown(key))
      lines.append("\(indent)# \(key.summary)")
      lines.append("\(indent)\(parts.last ?? ""): \(value)  # \(loaded.origin(of: key.name))")
    }
    return lines.joined(separator: "\n")
  }

  private static func indent(_ level: Int) -> String { String(repeating: "  ", count: level) }

  /// In flow style.
  private static func yaml(_ value: RawValue) -> String {
    switch value {
    case .literal(let text): text
    case .text(let text): Self.isPlain(text) ? text : JSONText.quote(text)
    case .list(let items): "[" + items.map { Self.yaml($0) }.joined(separator: ", ") + "]"
    case .map(let entries):
      "{"
        + entries.sorted { $0.key < $1.key }.map { "\(Self.yaml(.text($0.key))): \(Self.yaml($0.value))" }
        .joined(separator: ", ") + "}"
    }
  }

  /// Whether YAML reads `text` as itself without quotes.
  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.utf8.first, first != UInt8(ascii: "-"), text.utf8.last != UInt8(ascii: ":") else {
      return false
    }
    return !["null", "Null", "NULL", "~"].contains(text)
      && text.utf8.allSatisfy { character in
        switch character {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "/._-:".utf8.contains(character)
        }
      }
  }
}
