/// The words of `--help`.
enum Help {
  static func text(_ command: CommandSpecification?) -> String {
    command.map { Self.command($0) } ?? Self.overview
  }

  private static var overview: String {
    """
    fednode: a libp2p node over QUIC for a federation of custody nodes, driven over HTTP.

    Usage: fednode [COMMAND] [FLAGS]

    Commands:
    \(Self.table(CommandSpecification.all.map { ($0.name, $0.summary) }))

    Flags of the node:
    \(Self.table(CommandSpecification.run.options.map { (Self.usage($0), $0.summary) }))

    Examples:
      fednode                                start with the defaults
      curl -s http://127.0.0.1:9080/v1/node  ask it who it is
      fednode id                             the peer id to give to others
      fednode config show                    every setting and where it comes from

    Configuration: ./fednode.yaml, $XDG_CONFIG_HOME/fednode/fednode.yaml or /etc/fednode/fednode.yaml, the first
    that exists; or --config FILE. Every key also by environment: FEDNODE_API_ADDRESS is api.address.

    Exit status: 0 done, 1 failed, 2 wrong command line or configuration.
    fednode COMMAND --help tells more about one command.
    """
  }

  private static func command(_ command: CommandSpecification) -> String {
    let operands = command.operands.map { " \($0)" }.joined()
    return """
      fednode \(command.name): \(command.summary)

      Usage: fednode \(command.name) [FLAGS]\(operands)

      \(command.discussion)

      Flags:
      \(Self.table((command.options + [.help]).map { (Self.usage($0), $0.summary) }))

      Examples:
      \(command.examples.map { "  \($0.line)\n      \($0.effect)" }.joined(separator: "\n"))
      """
  }

  private static func usage(_ option: OptionSpecification) -> String {
    option.value.map { "\(option.name) \($0)" } ?? option.name
  }

  /// Two columns.
  private static func table(_ rows: [(String, String)]) -> String {
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { left, right in
      "  \(left)\(String(repeating: " ", count: width - left.count))  \(right)"
    }.joined(separator: "\n")
  }
}
