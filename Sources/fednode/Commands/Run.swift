internal import Glibc
internal import GnuTLS
internal import LinuxIO
internal import Logging
internal import ManagementAPI
internal import P2PCore
internal import P2PHost

/// `fednode run`: serves until `stop` answers with a signal. Answers the exit status.
func run(
  _ loaded: LoadedConfiguration, identity: IdentityKey, isNewIdentity: Bool, _ output: Output,
  stop: @Sendable () async -> Int32
) async -> Int32 {
  let configuration = loaded.configuration
  let log = Logger(subsystem: "node")
  do {
    try Files.makePrivateDirectory(configuration.dataDirectory)
    let (store, book) = try PeerStore.open(directory: configuration.dataDirectory)
    let node = try Node(
      identity: identity, addresses: configuration.addresses, configuration: configuration, store: store)
    let unsubscribe = ConnectionLog.start(node.host.events)
    defer { unsubscribe() }
    // The configuration's word counts where both name a peer.
    await node.host.load(book.peers + configuration.peers, blocks: book.blocks)
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
    var api = APIConfiguration(
      address: configuration.apiAddress.addressText, port: configuration.apiAddress.port, version: Version.number)
    api.hosts = configuration.apiHosts
    api.origins = configuration.apiOrigins
    let management = ManagementAPI(
      api, node: node.host, control: RunningConfiguration(loaded),
      logLevels: LogLevelControl(.init(configuration.logLevel, overrides: configuration.logOverrides)),
      eventLoopsTurn: { await node.transport.isResponsive(within: .seconds(1)) })
    let port: UInt16
    do {
      port = try management.start()
    } catch {
      log.error("\(error)")
      await node.stop(timeout: .seconds(1))
      return 1
    }
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

/// Says what runs where, in a few lines for people.
private func greet(
  _ loaded: LoadedConfiguration, _ node: Node, apiPort: UInt16, isNewIdentity: Bool, _ output: Output
) async {
  let info = await node.host.node()
  let endpoint = IPEndpoint(address: loaded.configuration.apiAddress.address, port: apiPort)
  let api = "http://\(endpoint.isIPv6 ? "[\(endpoint.addressText)]" : endpoint.addressText):\(apiPort)"
  output.print("\(Version.agent) is \(info.peerID)\(isNewIdentity ? " (a new identity)" : "")")
  if let file = loaded.file { output.print("  configured by  \(file)") }
  for listener in info.listeners where listener.error != nil {
    output.print("  NOT listening  \(listener.address): \(listener.error ?? "")")
  }
  for address in info.listenAddresses { output.print("  listens on     \(address)") }
  if let address = info.announceAddresses.first {
    output.print("  dial it at     \(address.with(peerID: info.peerID))")
  }
  output.print("  API            curl \(api)/v1/node")
}
