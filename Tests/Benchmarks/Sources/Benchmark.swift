import Glibc
import GnuTLS
import P2PCore
import P2PHost
import QUIC
import Synchronization

/// Loads for the transport, one process a side, in the manner of `iperf`: serve, bulk, hs (handshakes), rr (a new stream
/// with 64 bytes there and back), node and ping (the same with 32 bytes, a protocol agreed on and a handler), agree (the
/// same with the federation's handshake), frames
/// (many on one stream), idle (memory of connections), registry (a node with a large address book), crowd (peers
/// of a node). Tests/Benchmarks/run compares the figures. `load` is for Tests/Network/run.
@main struct Benchmark {
  static let echo: UInt8 = 1
  static let sink: UInt8 = 2

  static func main() async throws {
    var arguments = Array(CommandLine.arguments.dropFirst())
    let mode = arguments.isEmpty ? "" : arguments.removeFirst()
    var options: [String: String] = [:]
    while arguments.count >= 2 { options[arguments.removeFirst()] = arguments.removeFirst() }
    func number(_ name: String, _ otherwise: Int) -> Int { options[name].flatMap { Int($0) } ?? otherwise }
    let port = number("--port", 4790)
    var configuration = QUICConfiguration()
    if options["--cc"] == "cubic" { configuration.congestionControl = .cubic }
    configuration.cachesCertificates = options["--certificate-cache"] != "off"
    configuration.handshakesMax = 4_096
    configuration.connectionsMax = 20_000
    let address = try Multiaddr("/ip4/127.0.0.1/udp/\(port)/quic-v1")
    if mode == "crowd" {
      return try await crowd(address, number("--n", 500), seconds: number("--seconds", 60), configuration)
    }
    if mode == "registry" {
      return try await registry(address, number("--n", 10_000), seconds: number("--seconds", 60), configuration)
    }
    if mode == "node" { return try await node(address, seconds: number("--seconds", 60), configuration) }
    if mode == "load" {
      let target = try Multiaddr(options["--target"] ?? "\(address)")
      return try await Load(target: target, count: number("--n", 500), hold: .seconds(number("--seconds", 60))).run()
    }
    let transport = try QUICTransport(
      identity: try IdentityKey.generate(.ed25519), addresses: mode == "serve" ? [address] : [],
      configuration: configuration)
    let executor = transport.streamExecutor!
    if mode == "serve" {
      let takesFrames = options["--of"] == "frames"
      try await transport.start { event in
        guard case .stream(let stream, _) = event else { return }
        Task(executorPreference: executor) { takesFrames ? await Frames.serve(stream) : await serve(stream) }
      }
      print("serving on \(address)")
      try await Task.sleep(for: .seconds(number("--seconds", 60)))
      report("server")
      return
    }
    try await transport.start { _ in }
    let n = number("--n", 1_000)
    let concurrency = number("--c", 1)
    switch mode {
    case "bulk": try await bulk(transport, address, bytes: number("--size", 1_000_000_000))
    case "hs": try await handshakes(transport, address, n, concurrency)
    case "rr": try await requests(transport, address, n, concurrency)
    case "ping": try await pings(transport, address, n, concurrency)
    case "agree": try await Agreements.measure(transport, address, n, concurrency)
    case "frames":
      try await Frames.send(transport, address, n, size: number("--size", 100), batch: number("--batch", 1))
    case "idle": try await idle(transport, address, n, concurrency)
    default:
      print(
        "usage: fednode-bench serve|bulk|hs|rr|node|ping|agree|frames|idle|registry|crowd|load [--port P] [--n N] [--c CONCURRENT] "
          + "[--size BYTES] [--batch FRAMES]"
      )
    }
    report("client")
  }

  static func serve(_ stream: any P2PCore.Stream) async {
    do {
      guard var bytes = try await stream.read(upTo: 1 << 20), let kind = bytes.first else { return }
      bytes.removeFirst()
      if kind == sink {
        var count = bytes.count
        while let more = try await stream.read(upTo: 1 << 20) { count += more.count }
        try await stream.write(withUnsafeBytes(of: UInt64(count)) { Array($0) }, finish: true)
      } else {
        while let more = try await stream.read(upTo: 1 << 20) { bytes += more }
        try await stream.write(bytes, finish: true)
      }
    } catch {
      stream.reset(code: 1)
    }
  }

  static func dial(_ transport: QUICTransport, _ address: Multiaddr) async throws -> any Connection {
    try await transport.dial(address, expecting: nil, timeout: .seconds(10))
  }

  static func bulk(_ transport: QUICTransport, _ address: Multiaddr, bytes: Int) async throws {
    let connection = try await dial(transport, address)
    let begin = ContinuousClock.now
    try await Task(executorPreference: transport.streamExecutor!) {
      let stream = try await connection.openStream()
      try await stream.write([sink], finish: false)
      let block = [UInt8](repeating: 7, count: 1 << 17)
      var left = bytes
      while left > 0 {
        try await stream.write(left >= block.count ? block : Array(block.prefix(left)), finish: false)
        left -= block.count
      }
      try await stream.write([], finish: true)
      _ = try await stream.read(upTo: 8)
    }.value
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    print("bulk: \(bytes) bytes in \(seconds) s = \(Double(bytes) * 8 / seconds / 1e9) Gbit/s")
  }

  static func handshakes(_ transport: QUICTransport, _ address: Multiaddr, _ n: Int, _ concurrency: Int) async throws {
    let left = Counter(n)
    let begin = ContinuousClock.now
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<concurrency {
        group.addTask(executorPreference: transport.streamExecutor!) {
          while left.take() {
            do {
              let connection = try await dial(transport, address)
              connection.close(code: 0, reason: "")
            } catch {
              print("failed: \(error)")
            }
          }
        }
      }
    }
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    print("hs: \(n) with \(concurrency) at a time = \(Double(n) / seconds) /s")
  }

  static func requests(_ transport: QUICTransport, _ address: Multiaddr, _ n: Int, _ concurrency: Int) async throws {
    let connection = try await dial(transport, address)
    let left = Counter(n)
    let failed = Counter(0)
    let payload = [echo] + [UInt8](repeating: 7, count: 64)
    let begin = ContinuousClock.now
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<concurrency {
        group.addTask(executorPreference: transport.streamExecutor!) {
          while left.take() {
            do {
              let stream = try await connection.openStream()
              try await stream.write(payload, finish: true)
              var count = 0
              while let bytes = try await stream.read(upTo: 100) { count += bytes.count }
              if count != 64 { failed.add() }
            } catch {
              failed.add()
            }
          }
        }
      }
    }
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    print("rr: \(n) with \(concurrency) at a time, \(failed.value) failed = \(Double(n) / seconds) /s")
  }

  /// A node that serves what every node does, and the federation's protocol to everybody.
  static func node(_ address: Multiaddr, seconds: Int, _ configuration: QUICConfiguration) async throws {
    let identity = try IdentityKey.generate(.ed25519)
    let clock = HostClock.system(wall: { 0 })
    let host = Host(
      configuration: HostConfiguration(
        localPeer: identity.peerID, publicKey: identity.publicKey, agentVersion: "node"),
      transport: try QUICTransport(identity: identity, addresses: [address], configuration: configuration),
      events: EventLog(bootID: "000000000000"), clock: clock,
      services: HostServices(resolve: { _, _ in [] }, interfaces: { [] }))
    try await Agreements.serve(on: host, clock: clock)
    try await host.start()
    try await Task.sleep(for: .seconds(seconds))
  }

  static func pings(_ transport: QUICTransport, _ address: Multiaddr, _ n: Int, _ concurrency: Int) async throws {
    let connection = try await dial(transport, address)
    let left = Counter(n)
    let failed = Counter(0)
    let payload = [UInt8](repeating: 7, count: 32)
    let begin = ContinuousClock.now
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<concurrency {
        group.addTask(executorPreference: transport.streamExecutor!) {
          while left.take() {
            do {
              let stream = try await ProtocolStream.open(
                on: connection, protocols: ["/ipfs/ping/1.0.0"], firstPayload: payload, finish: true)
              if try await stream.read(exactly: payload.count) != payload { failed.add() }
              if try await stream.read(upTo: 1) != nil { failed.add() }
            } catch {
              failed.add()
            }
          }
        }
      }
    }
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    print("ping: \(n) with \(concurrency) at a time, \(failed.value) failed = \(Double(n) / seconds) /s")
  }

  static func idle(_ transport: QUICTransport, _ address: Multiaddr, _ n: Int, _ concurrency: Int) async throws {
    let before = residentKilobytes()
    let left = Counter(n)
    let connections = await withTaskGroup(of: [any Connection].self) { group in
      for _ in 0..<concurrency {
        group.addTask {
          var mine: [any Connection] = []
          while left.take() { if let one = try? await dial(transport, address) { mine.append(one) } }
          return mine
        }
      }
      return await group.reduce(into: []) { $0 += $1 }
    }
    try await Task.sleep(for: .seconds(3))
    let kilobytes = Double(residentKilobytes() - before) / Double(max(1, connections.count))
    print("idle: \(connections.count) connections, \(kilobytes) kB each")
  }

  /// `n` peers, each with a key and an address of its own, connect to one node and stay.
  static func crowd(
    _ address: Multiaddr, _ n: Int, seconds: Int, _ configuration: QUICConfiguration
  ) async throws {
    var hosts: [Host] = []
    for number in 0..<n {
      let identity = try IdentityKey.generate(.ed25519)
      let transport = try QUICTransport(
        identity: identity, addresses: [Multiaddr("/ip4/127.0.0.1/udp/0/quic-v1")], configuration: configuration)
      let host = Host(
        configuration: HostConfiguration(
          localPeer: identity.peerID, publicKey: identity.publicKey, agentVersion: "crowd/\(number)"),
        transport: transport, events: EventLog(bootID: "000000000000"), clock: .system(wall: { 0 }),
        services: HostServices(resolve: { _, _ in [] }, interfaces: { [] }))
      try await host.start()
      if let error = await host.dial(peer: nil, addresses: [address], timeout: nil).error { print("failed: \(error)") }
      hosts.append(host)
    }
    print("crowd: \(hosts.count) peers")
    try await Task.sleep(for: .seconds(seconds))
  }

  static func report(_ side: String) {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let user = Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6
    let system = Double(usage.ru_stime.tv_sec) + Double(usage.ru_stime.tv_usec) / 1e6
    print("\(side): cpu user \(user) s, system \(system) s, rss \(residentKilobytes()) kB")
  }

  /// For a reader at the other end of a pipe.
  static func flushOutput() { fflush(nil) }

  static func residentKilobytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, 128, file) != nil else { return 0 }
    let text = line.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4
  }
}

/// Counts down over tasks.
final class Counter: Sendable {
  private let left: Atomic<Int>
  init(_ count: Int) { self.left = Atomic(count) }
  var value: Int { self.left.load(ordering: .relaxed) }
  func add() { self.left.add(1, ordering: .relaxed) }
  func take() -> Bool { self.left.subtract(1, ordering: .relaxed).oldValue > 0 }
}
