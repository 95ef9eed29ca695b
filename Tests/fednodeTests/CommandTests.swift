import Foundation
import GnuTLS
import Jansson
import Testing

@testable import fednode

/// The commands as the program runs them, in this process.
@Suite struct CommandTests {
  private let directory: TemporaryDirectory

  init() throws { self.directory = try TemporaryDirectory() }

  private func run(_ arguments: [String]) async -> (status: Int32, said: OutputCapture) {
    let said = OutputCapture()
    let status = await Fednode.run(arguments, environment: ["HOME": self.directory.path], said.output)
    return (status, said)
  }

  private static func text(_ value: JSON?) -> String? {
    if case .string(let text)? = value { text } else { nil }
  }

  private static func number(_ value: JSON?) -> Double? {
    switch value {
    case .double(let number)?: number
    case .integer(let number)?: Double(number)
    default: nil
    }
  }

  // MARK: Without a node

  @Test("help and version go to standard output")
  func help() async throws {
    #expect(await self.run(["help"]).said.lines.first?.contains("fednode: a libp2p node") == true)
    #expect(await self.run(["ping", "--help"]).said.lines.contains { $0.contains("Usage: fednode ping") })
    #expect(await self.run(["version"]).said.lines == [Version.agent])
    #expect(Self.text(try await self.run(["version", "--json"]).said.json?["version"]) == Version.number)
  }

  @Test("A wrong word goes to standard error, with the help to read")
  func usage() async {
    let (status, said) = await self.run(["ping"])
    #expect(status == 2)
    #expect(said.lines.isEmpty)
    #expect(said.notes.count == 2)
    #expect(said.notes.last == "See fednode ping --help")
  }

  @Test("A key that was made is the one that id tells of")
  func keys() async throws {
    let path = self.directory.path + "/node.key"
    let made = await self.run(["keygen", "--output", path, "--json"])
    #expect(made.status == 0)
    let peer = try #require(Self.text(try made.said.json?["peer_id"]))
    #expect(Self.text(try made.said.json?["file"]) == path)
    #expect(try !made.said.lines.joined().contains(String(contentsOfFile: path, encoding: .utf8).prefix(20)))
    let config = try self.directory.write("c.yaml", "node: {private_key_file: \(path)}")
    #expect(await self.run(["id", "--config", config]).said.lines == [peer])
    let told = try await self.run(["id", "--config", config, "--json"]).said.json
    #expect(Self.text(told?["peer_id"]) == peer)
    #expect(Self.text(told?["key_type"]) == "ed25519")
    #expect(try readPublicKey(try #require(Self.text(told?["public_key"]))).type == .ed25519)
  }

  @Test("Without --output the key itself is the answer, and the peer id stands beside it")
  func keyToOutput() async throws {
    for json in [false, true] {
      let (status, said) = await self.run(["keygen", "--type", "secp256k1"] + (json ? ["--json"] : []))
      #expect(status == 0)
      let text = json ? Self.text(try said.json?["private_key"]) : said.lines.first
      let key = try IdentityStore.decode(try #require(text))
      #expect(key.publicKey.type == .secp256k1)
      #expect(
        (json ? Self.text(try said.json?["peer_id"]) : said.notes.first)?.contains(key.peerID.description) == true)
    }
    #expect(await self.run(["keygen", "--type", "rsaa"]).said.notes.first?.contains("did you mean rsa?") == true)
    let existing = try self.directory.write("old.key", "x")
    let refused = await self.run(["keygen", "--output", existing])
    #expect(refused.status == 1)
    #expect(refused.said.notes.first?.contains("never replaced") == true)
  }

  @Test("id without an identity says how to make one")
  func noIdentity() async throws {
    let (status, said) = await self.run(["id", "--config", try self.directory.write("c.yaml", "")])
    #expect(status == 1)
    #expect(said.notes.first?.contains("fednode keygen --output \(self.directory.path)/.local/share/fednode/") == true)
  }

  @Test("config check tells every problem, for people and for scripts")
  func check() async throws {
    let bad = try self.directory.write("bad.yaml", "api: {adress: x}\nperf: {enabled: maybe}")
    let people = await self.run(["config", "check", "--config", bad])
    #expect(people.status == 2)
    #expect(people.said.lines.isEmpty)
    #expect(people.said.notes.count == 2)
    #expect(people.said.notes.first == "fednode: \(bad):1: api.adress: unknown key; did you mean api.address?")
    let scripts = await self.run(["config", "check", "--config", bad, "--json"])
    #expect(scripts.status == 2)
    #expect(try scripts.said.json?["valid"] == false)
    guard case .array(let problems)? = try scripts.said.json?["problems"] else {
      Issue.record("no problems")
      return
    }
    #expect(problems.map { Self.text($0["key"]) } == ["api.adress", "perf.enabled"])
    let good = try self.directory.write("good.yaml", "perf: {enabled: true}")
    #expect(
      await self.run(["config", "check", "--config", good]).said.lines.first?.contains("Read from \(good).") == true)
    #expect(try await self.run(["config", "check", "--config", good, "--json"]).said.json?["valid"] == true)
  }

  @Test("config show tells the value and source of every key")
  func show() async throws {
    let file = try self.directory.write("c.yaml", "\nperf: {enabled: true}")
    let shown = try await self.run(["config", "show", "--config", file, "--json", "--log-level", "debug"]).said.json
    let values = shown?["values"]
    #expect(Self.text(shown?["file"]) == file)
    #expect(values?["perf.enabled"]?["value"] == true)
    #expect(Self.text(values?["perf.enabled"]?["source"]) == "\(file):2")
    #expect(Self.text(values?["logging.level"]?["source"]) == "flag --log-level")
    #expect(values?["limits.connections_per_peer"]?["value"] == 2)
    for key in ConfigurationKey.all(home: nil) { #expect(values?[key.name] != nil, "\(key.name)") }
    #expect(
      await self.run(["config", "show", "--config", file]).said.lines.contains { $0.hasPrefix("  enabled: true") })
  }

  // MARK: With a node

  @Test("A node says who it is, serves, and ends with its signal")
  func node() async throws {
    let node = try await RunningNode(in: self.directory)
    #expect(node.said.lines.first?.hasSuffix("(a new identity)") == true)
    #expect(node.line("listens on")?.hasPrefix("/ip4/127.0.0.1/udp/") == true)
    #expect(node.line("status page").map { "curl \($0)v1/node" } == node.line("API"))
    #expect(try await node.call("GET", "/").status == 200)
    let told = try await node.call("GET", "/v1/node")
    #expect(told.status == 200)
    let peer = try #require(Self.text(try JSON(decoding: Array(told.body.utf8))["peer_id"]))
    #expect(try node.address.hasSuffix("/p2p/\(peer)"))
    #expect(try await node.stop(SIGINT) == 0)

    let again = try await RunningNode(in: self.directory)
    #expect(again.said.lines.first == "\(Version.agent) is \(peer)")
    #expect(try await again.stop() == 0)
  }

  @Test("ping, identify and perf tell what they saw of a node")
  func tools() async throws {
    let file = try self.directory.write("node.yaml", "perf: {enabled: true}")
    let node = try await RunningNode(in: self.directory, file: file)
    let address = try node.address
    let peer = try #require(address.split(separator: "/").last).description

    let ping = await self.run(["ping", address, "--count", "2"])
    #expect(ping.status == 0)
    #expect(ping.said.lines.first?.hasPrefix("PING \(peer) at /ip4/127.0.0.1/udp/") == true)
    #expect(ping.said.lines.count == 4)
    #expect(ping.said.lines.last?.hasPrefix("2 of 2 came back, min/mean/max ") == true)
    let pingJSON = try await self.run(["ping", address, "--count", "2", "--json"]).said.json
    #expect(Self.text(pingJSON?["peer_id"]) == peer)
    let least = try #require(Self.number(pingJSON?["rtt_ms"]?["min"]))
    #expect(least > 0)
    #expect(try #require(Self.number(pingJSON?["rtt_ms"]?["max"])) >= least)

    let identify = await self.run(["identify", address])
    #expect(identify.status == 0)
    for line in ["peer id    \(peer)", "agent      \(Version.agent)", "protocol   /ipfs/ping/1.0.0"] {
      #expect(identify.said.lines.contains(line), "\(identify.said.lines)")
    }
    #expect(identify.said.lines.contains { $0.hasPrefix("sees us at /ip4/127.0.0.1/udp/") })
    let identifyJSON = try await self.run(["identify", address, "--json"]).said.json
    #expect(Self.text(identifyJSON?["agent_version"]) == Version.agent)
    #expect(Self.text(identifyJSON?["observed_address"])?.hasPrefix("/ip4/127.0.0.1/udp/") == true)

    let perf = await self.run(["perf", address, "--upload", "100KiB", "--download", "0"])
    #expect(perf.status == 0)
    #expect(perf.said.lines.first?.hasPrefix("upload    102400 bytes in ") == true)
    let perfJSON = try await self.run(["perf", address, "--upload", "1", "--download", "200KiB", "--json"]).said.json
    #expect(perfJSON?["upload_bytes"] == 1)
    #expect(perfJSON?["download_bytes"] == 204_800)
    #expect(try #require(Self.number(perfJSON?["download_seconds"])) > 0)
    #expect(try await node.stop() == 0)
  }

  @Test("A tool that fails says why, for people and for scripts")
  func failures() async throws {
    let node = try await RunningNode(in: self.directory)
    let address = try node.address
    let noPerf = await self.run(["perf", address, "--upload", "1"])
    #expect(noPerf.status == 1)
    #expect(noPerf.said.notes.first?.hasPrefix("fednode perf: ") == true)
    #expect(noPerf.said.lines.isEmpty)

    let other = "12D3KooWR7Lya2pnWcGAs81vj7NL7GEBzWb7HJpGC2WN5yuno4ru"
    let wrong = address.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/\(other)"
    let mismatch = await self.run(["ping", wrong, "--json"])
    #expect(mismatch.status == 1)
    #expect(Self.text(try mismatch.said.json?["error"]?["class"]) == "peer_id_mismatch")
    #expect(try await node.stop() == 0)

    let refused = await self.run([
      "identify", String(address.split(separator: "/").dropLast(2).flatMap { "/\($0)" }), "--timeout", "2s", "--json",
    ])
    #expect(refused.status == 1)
    #expect(Self.text(try refused.said.json?["error"]?["class"]) == "refused")
  }

  @Test("An API port that is taken ends the start with its address")
  func apiPortTaken() async throws {
    let node = try await RunningNode(in: self.directory)
    let api = try #require(node.line("API")).split(separator: "/")[1].description
    let other = try TemporaryDirectory()
    let second = try await RunningNode(["--api", api], in: other)
    #expect(try await second.stop() == 1)
    let log = try second.log
    #expect(log.contains { $0.contains("\"error\"") && $0.contains(api) }, "\(log)")
    #expect(try await node.stop() == 0)
  }

  // MARK: The address book

  private static let member = "12D3KooWR7Lya2pnWcGAs81vj7NL7GEBzWb7HJpGC2WN5yuno4ru"

  @Test("What is pinned and blocked through the API is there after a restart, and what is deleted is not")
  func book() async throws {
    let node = try await RunningNode(in: self.directory)
    let put = try await node.call(
      "PUT", "/v1/peers/\(Self.member)",
      #"{"name": "fed-02", "pinned": true, "addresses": ["/ip4/127.0.0.1/udp/9/quic-v1"]}"#)
    #expect(put.status == 201)
    #expect(try await node.call("PUT", "/v1/blocklist/192.0.2.0%2F24", #"{"reason": "loud"}"#).status == 201)
    #expect(try await node.stop() == 0)

    let again = try await RunningNode(in: self.directory)
    let peer = try await again.call("GET", "/v1/peers/\(Self.member)").body
    #expect(peer.contains("\"fed-02\"") && peer.contains("\"pinned\":true"), "\(peer)")
    #expect(try await again.call("GET", "/v1/blocklist").body.contains("192.0.2.0/24"))
    #expect(try await again.call("DELETE", "/v1/peers/\(Self.member)").status == 204)
    #expect(try await again.stop() == 0)

    let third = try await RunningNode(in: self.directory)
    #expect(try await third.call("GET", "/v1/peers/\(Self.member)").status == 404)
    #expect(try await third.stop() == 0)
  }

  @Test("A node with an unreadable address book starts all the same and says where it has put it")
  func unreadableBook() async throws {
    try FileManager.default.createDirectory(atPath: self.directory.path + "/data", withIntermediateDirectories: false)
    try self.directory.write("data/peers.json", "{oops")
    let node = try await RunningNode(in: self.directory)
    #expect(try node.log.contains { $0.contains("\"error\"") && $0.contains("data/peers.json.unreadable-") })
    #expect(try await node.stop() == 0)
  }

  @Test("A node whose address book can be neither read nor set aside does not start, and says what to do")
  func noBook() async throws {
    try FileManager.default.createDirectory(
      atPath: self.directory.path + "/data/peers.json", withIntermediateDirectories: true)
    let node = try await RunningNode(in: self.directory)
    #expect(try await node.stop() == 1)
    #expect(try node.log.contains { $0.contains("data/peers.json: Is a directory; move it away") })
  }

  @Test("The members of the configuration are known from the start, those of the Go node's file as well")
  func members() async throws {
    let key = base64Encode([UInt8](repeating: 3, count: 32))
    let peers = try self.directory.write(
      "peers.yaml", "peers: [{public_key: \(key), addresses: [/ip4/127.0.0.1/tcp/9]}]")
    let file = try self.directory.write(
      "node.yaml", "peers: {file: \(peers), static: [{name: fed-02, peer_id: \(Self.member)}]}")
    let node = try await RunningNode(in: self.directory, file: file)
    #expect(node.line("configured by") == file)
    #expect(try node.log.contains { $0.contains("TCP addresses of the peers file are taken as QUIC") })
    let known = try await node.call("GET", "/v1/peers").body
    #expect(known.contains(Self.member) && known.contains("/ip4/127.0.0.1/udp/9/quic-v1"), "\(known)")
    #expect(try await node.call("DELETE", "/v1/peers/\(Self.member)").status == 409)
    #expect(try await node.stop() == 0)
  }
}
