internal import P2PCore
internal import P2PHost
internal import Synchronization

/// `fednode identify`: answers the exit status.
func identify(_ options: IdentifyOptions, _ output: Output) async -> Int32 {
  await ToolNode.run("identify", logLevel: options.logLevel, json: options.json, output) { tool in
    let answered = AsyncStream<Void>.makeStream()
    let unsubscribe = tool.node.host.events.subscribe { event in
      if event.type == "peer.identified" { answered.continuation.finish() }
    }
    defer { unsubscribe() }
    let connection = try await tool.dial(options.address, timeout: options.timeout)
    let timer = Task {
      try await Task.sleep(for: options.timeout)
      answered.continuation.finish()
    }
    for await _ in answered.stream {}
    timer.cancel()
    guard let peer = await tool.node.host.peer(connection.peerID), peer.agentVersion != nil || !peer.protocols.isEmpty
    else {
      throw DialError(.protocolMismatch, "\(connection.peerID) did not answer identify", temporary: true)
    }
    let observed = await tool.node.host.node().observedAddresses.first?.address
    let listens = peer.addresses.filter { $0.source == "identify" }.map { "\($0.address)" }
    if options.json {
      output.print(
        JSONText.object([
          ("peer_id", .string("\(peer.peerID)")),
          ("agent_version", peer.agentVersion.map { .string($0) } ?? .null),
          ("protocols", .array(peer.protocols.map { .string($0) })),
          ("addresses", .array(listens.map { .string($0) })),
          ("observed_address", observed.map { .string("\($0)") } ?? .null),
          ("handshake_ms", .double(milliseconds(connection.handshake))),
          ("cipher", .string(connection.security.cipher)), ("group", .string(connection.security.group)),
        ]).text)
    } else {
      output.print("peer id    \(peer.peerID)")
      output.print("agent      \(peer.agentVersion ?? "unknown")")
      output.print(
        "connected  \(connection.remoteAddress) in \(milliseconds(connection.handshake)) ms, \(connection.security.cipher), \(connection.security.group)"
      )
      for address in listens { output.print("listens    \(address)") }
      for name in peer.protocols { output.print("protocol   \(name)") }
      if let observed { output.print("sees us at \(observed)") }
    }
    return 0
  }
}
