internal import ManagementAPI
internal import P2PCore

/// What no single value shows: keys that contradict each other, and dangerous combinations.
enum ConfigurationCheck {
  static func problems(_ loaded: LoadedConfiguration, fileIsOpenToOthers: Bool) -> [ConfigurationProblem] {
    let configuration = loaded.configuration
    var problems: [ConfigurationProblem] = []
    if configuration.privateKey != nil, configuration.privateKeyFile != nil {
      problems.append(
        loaded.problem(
          "node.private_key_file", "is set beside node.private_key", mend: "remove one of the two"))
    }
    if configuration.privateKey != nil, fileIsOpenToOthers,
      case .file(let path, _) = loaded.origin(of: "node.private_key")
    {
      problems.append(
        loaded.problem(
          "node.private_key", "stands in a file that others may read",
          mend: "run chmod 600 \(path), or move the key to a file named by node.private_key_file"))
    }
    if configuration.dataDirectory.isEmpty {
      problems.append(
        loaded.problem(
          "data_dir", "has no default, as neither HOME nor XDG_DATA_HOME is set",
          mend: "set data_dir, FEDNODE_DATA_DIR or --data-dir"))
    }
    if configuration.addresses.isEmpty {
      problems.append(
        loaded.problem(
          "network.addresses", "is empty", mend: "name at least one address, or remove the key for the default"))
    }
    if !configuration.interfaces.isEmpty, !configuration.addresses.contains(where: { $0.isWildcard }) {
      problems.append(
        loaded.problem(
          "network.interfaces", "has no effect, as network.addresses names neither 0.0.0.0 nor ::",
          mend: "remove it, or listen on /ip4/0.0.0.0/udp/9000/quic-v1"))
    }
    if let keepAlive = configuration.keepAlive, keepAlive >= configuration.idleTimeout {
      problems.append(
        loaded.problem(
          "network.keep_alive",
          "\(durationText(keepAlive)) is not below network.idle_timeout, \(durationText(configuration.idleTimeout))",
          mend: "write a smaller one, or auto"))
    }
    problems += Self.peerProblems(loaded)
    return problems + Self.apiProblems(loaded)
  }

  private static func apiProblems(_ loaded: LoadedConfiguration) -> [ConfigurationProblem] {
    let configuration = loaded.configuration
    var problems: [ConfigurationProblem] = []
    let hasToken = configuration.apiTokenFile != nil || configuration.apiAdminTokenFile != nil
    if configuration.apiAddress.isBeyondThisMachine, !hasToken, !configuration.apiInsecure {
      problems.append(
        loaded.problem(
          "api.address",
          "\(configuration.apiAddress) is reachable from other machines, and the API asks nobody for a token",
          mend: "name files of tokens with api.token_file and api.admin_token_file, listen on 127.0.0.1, or set "
            + "api.insecure: true"))
    }
    if configuration.apiToken != nil, APIToken.areSame(configuration.apiToken, configuration.apiAdminToken) {
      problems.append(
        loaded.problem(
          "api.admin_token_file", "holds the same token as api.token_file, so that who may look may change as well",
          mend: "make another token for one of the two"))
    }
    return problems
  }

  private static func peerProblems(_ loaded: LoadedConfiguration) -> [ConfigurationProblem] {
    let configuration = loaded.configuration
    var problems: [ConfigurationProblem] = []
    var names: Set<String> = []
    var peers: Set<PeerID> = []
    for entry in configuration.staticPeers {
      if !peers.insert(entry.peerID).inserted {
        problems.append(
          loaded.problem("peers.static", "names \(entry.peerID) twice", mend: "remove one of the two"))
      }
      if let name = entry.name, !names.insert(name).inserted {
        problems.append(loaded.problem("peers.static", "has the name \(quoted(name)) twice", mend: "rename one"))
      }
    }
    if configuration.backoffInitial > configuration.backoffMax {
      problems.append(
        loaded.problem(
          "peers.backoff.initial",
          "\(durationText(configuration.backoffInitial)) is above peers.backoff.max, \(durationText(configuration.backoffMax))",
          mend: "write a smaller one"))
    }
    if let low = configuration.lowWater, let high = configuration.highWater, high != 0, low > high {
      problems.append(
        loaded.problem("limits.low_water", "\(low) is above limits.high_water, \(high)", mend: "write a smaller one"))
    }
    return problems
  }
}

extension Multiaddr {
  /// 0.0.0.0 or `::`.
  fileprivate var isWildcard: Bool {
    do { return try self.listenTarget().isUnspecified } catch { return false }
  }
}
