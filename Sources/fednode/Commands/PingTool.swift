internal import P2PCore
internal import P2PHost

/// `fednode ping`: answers the exit status.
func ping(_ options: PingOptions, _ output: Output) async -> Int32 {
  await ToolNode.run("ping", logLevel: options.logLevel, json: options.json, output) { tool in
    let connection = try await tool.dial(options.address, timeout: options.timeout)
    if !options.json { output.print("PING \(connection.peerID) at \(connection.remoteAddress)") }
    var rtts: [Duration] = []
    var items: [JSONText] = []
    for number in 1...options.count {
      let result = await tool.node.host.ping(connection.peerID, count: 1, timeout: options.timeout)?.first
      let error = result == nil ? "the connection is gone" : result?.error
      items.append(
        .object([
          ("rtt_ms", result?.rtt.map { .double(milliseconds($0)) } ?? .null),
          ("error", error.map { .string($0) } ?? .null),
        ]))
      if let rtt = result?.rtt { rtts.append(rtt) }
      if options.json { continue }
      if let rtt = result?.rtt {
        output.print("\(number): \(milliseconds(rtt)) ms")
      } else {
        output.print("\(number): \(error ?? "no answer")")
      }
    }
    let mean = rtts.isEmpty ? Duration.zero : rtts.reduce(.zero, +) / rtts.count
    if options.json {
      let summary: JSONText =
        rtts.isEmpty
        ? .null
        : .object([
          ("min", .double(milliseconds(rtts.min() ?? .zero))), ("mean", .double(milliseconds(mean))),
          ("max", .double(milliseconds(rtts.max() ?? .zero))),
        ])
      output.print(
        JSONText.object([("peer_id", .string("\(connection.peerID)")), ("rtt_ms", summary), ("results", .array(items))])
          .text)
    } else if !rtts.isEmpty {
      output.print(
        "\(rtts.count) of \(options.count) came back, min/mean/max \(milliseconds(rtts.min() ?? .zero))/\(milliseconds(mean))/\(milliseconds(rtts.max() ?? .zero)) ms"
      )
    }
    return rtts.count == options.count ? 0 : 1
  }
}
