internal import Glibc
internal import GnuTLS
internal import LinuxIO
internal import Logging
internal import ManagementAPI
internal import P2PCore
internal import P2PHost

/// `fednode run`: serves until `stop` answers with a signal. Answers the exit status. `input` is what `loaded` was made
/// from; it is read again with each element of `hangUps`.
func run(
  _ loaded: LoadedConfiguration, from input: ConfigurationInput, identity: IdentityKey, isNewIdentity: Bool,
  _ output: Output, hangUps: AsyncStream<Void>, stop: @Sendable () async -> Int32
) async -> Int32 {
  let configuration = loaded.configuration
  let log = Logger(subsystem: "node")
  let descriptors = DescriptorLimit.raise()
  if descriptors < DescriptorLimit.wanted {
    log.warning(
      "this process may have \(descriptors) files and sockets open where \(DescriptorLimit.wanted) are wanted: clients of the "
        + "API may have to wait; mend: ulimit -Hn \(DescriptorLimit.wanted), or LimitNOFILE= of its systemd unit")
  }
  do {
    try Files.makePrivateDirectory(configuration.dataDirectory)
    let (store, book) = try PeerStore.open(directory: configuration.dataDirectory)
    let node = try Node(
      identity: identity, addresses: configuration.addresses, configuration: configuration, store: store)
    let unsubscribe = ConnectionLog.start(node.host.events)
    defer { unsubscribe() }
    // The configuration's word counts where both name a peer.
    await node.host.load(book.peers + configuration.peers, blocks: book.blocks)
    // Before the start: clients can read the events from the first one on.
    let running = RunningConfiguration(loaded, input: input, events: node.host.events)
    let logLevels = LogLevelControl(.init(configuration.logLevel, overrides: configuration.logOverrides))
    let management = ManagementAPI(
      APIConfiguration(configuration), node: node.host, control: running, logLevels: logLevels,
      eventLoopsTurn: { await node.transport.isResponsive(within: .seconds(1)) })
    await running.serve { new, changed in
      if !changed.isDisjoint(with: ["peers.static", "peers.file"]) { await node.host.configure(new.peers) }
      if !changed.isDisjoint(with: ["logging.level", "logging.overrides"]) {
        logLevels.set(.init(new.logLevel, overrides: new.logOverrides))
      }
      if changed.contains("logging.format") {
        LogBackend.setFormat(new.logFormat ?? .suiting(fileDescriptor: output.log))
      }
      management.update(APIConfiguration(new))
    }
    try await node.start()
    if configuration.peersFileTranslated > 0 {
      log.notice(
        "TCP addresses of the peers file are taken as QUIC on the same port",
        [("addresses", "\(configuration.peersFileTranslated)")])
    }
    if let buffer = node.transport.receiveBuffer, buffer.granted < buffer.wanted {
      log.warning(
        "the kernel grants sockets \(buffer.granted >> 10) KiB of receive buffer where \(buffer.wanted >> 10) KiB are wanted: "
          + "bursts may be lost; mend: sysctl -w net.core.rmem_max=\(buffer.wanted) net.core.wmem_max=\(buffer.wanted)")
    }
    if let error = node.transport.watchError {
      log.warning(
        "changes of this machine's addresses and routes go unnoticed (\(error)): failed dials wait for their time, and "
          + "network.interfaces is not followed; mend: allow AF_NETLINK sockets")
    }
    if configuration.apiAddress.isBeyondThisMachine, configuration.apiTLS == nil {
      log.warning(
        "the API is reachable from other machines and not encrypted: who is on the way reads all, tokens included; "
          + "mend: set api.tls, or listen on 127.0.0.1 or a Unix socket behind a proxy that does TLS")
    }
    let port: UInt16
    do {
      port = try management.start()
    } catch {
      log.error("\(error)")
      await node.stop(timeout: .seconds(1))
      return 1
    }
    let reloading = Task { for await _ in hangUps { _ = await running.reload() } }
    defer { reloading.cancel() }
    await greet(loaded, node, apiPort: port, isNewIdentity: isNewIdentity, output)
    let signal = await stop()
    log.info("stopping", [("signal", signal == SIGINT ? "SIGINT" : "SIGTERM")])
    let deadline = ContinuousClock.now + configuration.shutdownTimeout
    await node.shutdown(timeout: configuration.shutdownTimeout * 0.8)
    await management.stop(timeout: max(.milliseconds(200), deadline - .now))
    node.transport.stop()
    log.info("stopped")
    return 0
  } catch {
    log.error("\(error)")
    return 1
  }
}

extension APIConfiguration {
  init(_ configuration: Configuration) {
    switch configuration.apiAddress {
    case .ip(let endpoint):
      self.init(address: endpoint.addressText, port: endpoint.port, version: Version.number)
    case .unix(let path):
      self.init(version: Version.number)
      self.socketPath = path
    }
    self.tls = configuration.apiTLS
    self.socketMode = configuration.apiSocketMode
    self.hosts = configuration.apiHosts
    self.origins = configuration.apiOrigins
    self.readToken = configuration.apiToken
    self.adminToken = configuration.apiAdminToken
    self.isMetricsPublic = configuration.apiMetricsPublic
    self.requestsPerSecond = configuration.apiRequestsPerSecond == 0 ? nil : configuration.apiRequestsPerSecond
  }
}

/// Says what runs where, in a few lines for people.
private func greet(
  _ loaded: LoadedConfiguration, _ node: Node, apiPort: UInt16, isNewIdentity: Bool, _ output: Output
) async {
  let info = await node.host.node()
  let scheme = loaded.configuration.apiTLS == nil ? "http" : "https"
  let api =
    switch loaded.configuration.apiAddress {
    case .ip(let endpoint):
      "\(scheme)://\(endpoint.isIPv6 ? "[\(endpoint.addressText)]" : endpoint.addressText):\(apiPort)"
    case .unix(let path): "--unix-socket \(path) \(scheme)://localhost"
    }
  output.print("\(Version.agent) is \(info.peerID)\(isNewIdentity ? " (a new identity)" : "")")
  if let file = loaded.file { output.print("  configured by  \(file)") }
  for listener in info.listeners where listener.error != nil {
    output.print("  NOT listening  \(listener.address): \(listener.error ?? "")")
  }
  for address in info.listenAddresses { output.print("  listens on     \(address)") }
  if let address = info.announceAddresses.first {
    output.print("  dial it at     \(address.with(peerID: info.peerID))")
  }
  if case .ip = loaded.configuration.apiAddress { output.print("  status page    \(api)/") }
  output.print("  API            curl \(api)/v1/node")
}
