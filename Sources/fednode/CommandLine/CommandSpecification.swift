/// A flag of the command line.
struct OptionSpecification: Sendable {
  /// With its dashes: `--config`.
  let name: String
  /// What follows it, for the help; nil when nothing does.
  let value: String?
  /// May stand more than once.
  var repeats = false
  /// The key of the configuration that it sets.
  var key: String?
  let summary: String
}

/// One command of `fednode`, from which parsing and help are made.
struct CommandSpecification: Sendable {
  /// One word, or two: `config check`.
  let name: String
  /// For the list of commands.
  let summary: String
  /// What must stand behind the name.
  var operands: [String] = []
  let options: [OptionSpecification]
  /// Explains the command.
  let discussion: String
  /// Lines to copy and what they do.
  let examples: [(line: String, effect: String)]
}

extension OptionSpecification {
  static let help = OptionSpecification(name: "--help", value: nil, summary: "show this help")
  static let json = OptionSpecification(name: "--json", value: nil, summary: "answer in JSON, for scripts")
  static let logLevel = OptionSpecification(
    name: "--log-level", value: "LEVEL", key: "logging.level",
    summary: "trace, debug, info, notice, warning, error or critical")
  static let timeout = OptionSpecification(name: "--timeout", value: "DURATION", summary: "give up after this (10s)")
  static let config = OptionSpecification(
    name: "--config", value: "FILE", summary: "read this file instead of searching for one")
  static let dataDirectory = OptionSpecification(
    name: "--data-dir", value: "DIRECTORY", key: "data_dir", summary: "where the identity and the address book are kept"
  )

  /// Of the commands that read the configuration.
  static let configuration: [OptionSpecification] = [
    .config, .dataDirectory,
    OptionSpecification(
      name: "--listen", value: "MULTIADDR", repeats: true, key: "network.addresses",
      summary: "listen here instead of the configured addresses; may be repeated"),
    OptionSpecification(
      name: "--api", value: "ADDRESS:PORT", key: "api.address", summary: "serve the management API here"),
    .logLevel,
  ]
}

extension CommandSpecification {
  static let all: [CommandSpecification] = [
    .run, .keygen, .id, .configCheck, .configShow, .ping, .identify, .perf, .version,
  ]

  static let run = CommandSpecification(
    name: "run", summary: "start the node (the default)", options: OptionSpecification.configuration,
    discussion: """
      Listens for peers over QUIC and serves the management API, until SIGINT or SIGTERM. Without any
      configuration it makes an identity in the data directory, listens on UDP port 9000, and serves the API on
      127.0.0.1:9080.
      """,
    examples: [
      ("fednode", "start with the defaults"),
      ("fednode run --listen /ip4/127.0.0.1/udp/4001/quic-v1 --api 127.0.0.1:4080", "elsewhere"),
      ("FEDNODE_LOGGING_LEVEL=debug fednode", "log more"),
      ("curl -s http://127.0.0.1:9080/v1/node", "ask the running node"),
    ])

  static let keygen = CommandSpecification(
    name: "keygen", summary: "make a new identity key",
    options: [
      OptionSpecification(
        name: "--type", value: "TYPE", summary: "ed25519 (default), secp256k1, ecdsa (P-256) or rsa (2048 bits)"),
      OptionSpecification(
        name: "--output", value: "FILE", summary: "write the key here, mode 0600; an existing file is kept"),
      .json,
    ],
    discussion: """
      Makes the private key that a node is known by: a libp2p PrivateKey in base64, as node.private_key and
      node.private_key_file take it. Without --output the key itself goes to standard output and the peer id to
      standard error; whoever has the key is the node.
      """,
    examples: [
      ("fednode keygen --output /etc/fednode/identity.key", "keep the key in a file, print the peer id"),
      ("fednode keygen --type secp256k1 | secret-tool store fednode", "hand the key on without a file"),
    ])

  static let id = CommandSpecification(
    name: "id", summary: "print the peer id of this node",
    options: [.config, .dataDirectory, .json],
    discussion: """
      Reads the identity key where `fednode run` would, and makes none. The private key is not shown.
      """,
    examples: [
      ("fednode id", "the peer id, to give to other operators"),
      ("fednode id --json", "with key type and public key"),
    ])

  static let configCheck = CommandSpecification(
    name: "config check", summary: "report everything that is wrong with the configuration",
    options: OptionSpecification.configuration + [.json],
    discussion: """
      Reads file, environment and flags as `fednode run` does, and the key file too, but starts nothing. Every
      problem is reported with its place and its mend. Exit status 0: good; 2: not.
      """,
    examples: [
      ("fednode config check --config new.yaml && mv new.yaml /etc/fednode/fednode.yaml", "before installing it")
    ])

  static let configShow = CommandSpecification(
    name: "config show", summary: "show every value and where it comes from",
    options: OptionSpecification.configuration + [.json],
    discussion: """
      Prints the configuration in force as a file that could be read again, each value with its source. Secrets
      are left out. A flag beats the environment (FEDNODE_API_ADDRESS for api.address), which beats the file,
      which beats the default.
      """,
    examples: [
      ("fednode config show > fednode.yaml", "a file with all defaults to start from"),
      ("fednode config show --json", "for scripts"),
    ])

  static let ping = CommandSpecification(
    name: "ping", summary: "measure the round trip to a peer", operands: ["MULTIADDR"],
    options: [
      OptionSpecification(name: "--count", value: "N", summary: "how many times (4)"), .timeout, .json, .logLevel,
    ],
    discussion: """
      Dials the peer over QUIC and asks for echoes (/ipfs/ping/1.0.0). Needs no running node: it goes by an
      identity of its own, made for this call. With /p2p/… at the end of the address, any other peer is refused.
      """,
    examples: [
      ("fednode ping /ip4/192.0.2.7/udp/9000/quic-v1", "whoever answers there"),
      ("fednode ping --count 1 /dns4/node.example.org/udp/9000/quic-v1/p2p/12D3KooW…", "only that peer"),
    ])

  static let identify = CommandSpecification(
    name: "identify", summary: "ask a peer who it is and what it speaks", operands: ["MULTIADDR"],
    options: [.timeout, .json, .logLevel],
    discussion: """
      Dials the peer over QUIC and prints its peer id, agent, protocols and addresses (/ipfs/id/1.0.0), and the
      address that it saw us come from. Needs no running node.
      """,
    examples: [("fednode identify /ip4/192.0.2.7/udp/9000/quic-v1", "who is there?")])

  static let perf = CommandSpecification(
    name: "perf", summary: "measure the throughput to a peer", operands: ["MULTIADDR"],
    options: [
      OptionSpecification(name: "--upload", value: "SIZE", summary: "bytes to send (10MiB)"),
      OptionSpecification(name: "--download", value: "SIZE", summary: "bytes to be sent (10MiB)"),
      OptionSpecification(name: "--timeout", value: "DURATION", summary: "give up after this (60s)"), .json, .logLevel,
    ],
    discussion: """
      Dials the peer over QUIC and moves data both ways (/perf/1.0.0). The peer must serve it: perf.enabled: true
      on a fednode.
      """,
    examples: [
      ("fednode perf --upload 100MiB --download 0 /ip4/192.0.2.7/udp/9000/quic-v1", "upload only")
    ])

  static let version = CommandSpecification(
    name: "version", summary: "print the version", options: [.json], discussion: "Prints the version of this program.",
    examples: [("fednode version", "for a bug report")])
}
