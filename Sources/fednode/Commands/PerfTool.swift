internal import P2PCore
internal import P2PHost

/// `fednode perf`: answers the exit status.
func perf(_ options: PerfOptions, _ output: Output) async -> Int32 {
  await ToolNode.run("perf", logLevel: options.logLevel, json: options.json, output) { tool in
    let connection = try await tool.dial(options.address, timeout: options.timeout)
    let result = try await withThrowingTaskGroup(of: PerfResult?.self) { group in
      group.addTask {
        try await tool.node.host.perf(connection.peerID, upload: options.upload, download: options.download)
      }
      group.addTask {
        try await Task.sleep(for: options.timeout)
        throw DialError(.timeout, "the transfer did not end within \(options.timeout)", temporary: true)
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
    guard let result else { throw DialError(.cancelled, "the connection is gone", temporary: true) }
    if options.json {
      output.print(
        JSONText.object([
          ("upload_bytes", .int(Int(clamping: result.uploadBytes))),
          ("upload_seconds", .double(result.upload / .seconds(1))),
          ("download_bytes", .int(Int(clamping: result.downloadBytes))),
          ("download_seconds", .double(result.download / .seconds(1))),
        ]).text)
    } else {
      output.print("upload    \(rate(result.uploadBytes, result.upload))")
      output.print("download  \(rate(result.downloadBytes, result.download))")
    }
    return 0
  }
}

private func rate(_ bytes: UInt64, _ duration: Duration) -> String {
  let seconds = duration / .seconds(1)
  guard seconds > 0 else { return "\(bytes) bytes" }
  return
    "\(bytes) bytes in \((seconds * 1_000).rounded() / 1_000) s, \((Double(bytes) * 8 / seconds / 1e4).rounded() / 100) Mbit/s"
}
