import GnuTLS
import LinuxIO
import P2PCore
import Testing

@testable import QUIC

/// What strangers can do to an endpoint: each costs little, gets its code or silence, is told of, and leaves every
/// other connection alone.
@Suite(.timeLimit(.minutes(2))) struct HostileSimulationTests {
  struct Stranger: Sendable, CustomTestStringConvertible {
    var flaw: CertificateFlaw?
    var applicationProtocol = TLSContext.applicationProtocol
    /// Of the close that the stranger hears: 0x100 and the TLS alert (RFC 9001 §4.8).
    var alert: Int
    /// In what the node is told.
    var words: String

    var testDescription: String { self.flaw?.rawValue ?? self.applicationProtocol }
  }

  static let strangers = [
    Stranger(flaw: .noExtension, alert: 42, words: "we refuse the remote's certificate"),
    Stranger(flaw: .wrongHostSignature, alert: 42, words: "we refuse the remote's certificate"),
    Stranger(flaw: .wrongSelfSignature, alert: 42, words: "we refuse the remote's certificate"),
    Stranger(flaw: .expired, alert: 42, words: "we refuse the remote's certificate"),
    Stranger(flaw: .notYetValid, alert: 42, words: "we refuse the remote's certificate"),
    Stranger(flaw: .unknownCriticalExtension, alert: 42, words: "we refuse the remote's certificate"),
    Stranger(flaw: .bytesAfterSignedKey, alert: 42, words: "we refuse the remote's certificate"),
    Stranger(flaw: .twoCertificates, alert: 42, words: "it sent 2 certificates where libp2p has one"),
    Stranger(flaw: .noCertificate, alert: 116, words: "TLS alert 116"),
    Stranger(applicationProtocol: "h3", alert: 120, words: "TLS alert 120"),
  ]

  @Test("a handshake that is not libp2p's ends with its alert and is told of", arguments: strangers)
  func handshake(_ stranger: Stranger) throws {
    let network = SimulatedNetwork(seed: 1)
    let server = try network.addNode("server")
    let friend = network.connect(try network.addNode("friend"), server)
    let bad = try network.addNode(
      "stranger", flaw: stranger.flaw, applicationProtocol: stranger.applicationProtocol)
    let dial = network.connect(bad, server)
    network.run(seconds: 1)
    // Where the alert's number means more than a bad certificate, the dial has words of its own.
    let told = try #require(dial.error?.detail)
    #expect(told.contains("alert \(stranger.alert)") || told.contains("0x\(String(0x100 + stranger.alert, radix: 16))"))
    #expect(server.refusals.count == 1)
    #expect(server.refusals.first?.contains(stranger.words) == true)
    #expect(server.endpoint.connectionCount == 1)
    #expect(server.endpoint.handshakesInbound == 0)
    #expect(network.transfer([1, 2, 3], over: friend, to: server) == [1, 2, 3])
  }

  @Test("a handshake that its client leaves half open ends in silence and is told of")
  func halfOpen() throws {
    let network = SimulatedNetwork(seed: 2)
    let server = try network.addNode("server")
    let client = try network.addNode("client")
    _ = network.dial(client, server)
    network.run(seconds: 0.007)
    // Its answers go nowhere from now on: a forged address looks the same.
    client.apparentAddress = SocketAddress(address: [10, 0, 0, 99], port: 1)!
    client.endpoint.closeAll(code: 0, words: "", now: network.now)
    network.run(seconds: 12)
    #expect(server.endpoint.connectionCount == 0)
    #expect(server.refusals.count == 1)
    #expect(server.refusals.first?.contains("handshake_timeout") == true)
    #expect(server.endpoint.figures.handshakesFailed == 1)
    #expect(server.endpoint.figures.handshakes == 0)
  }

  @Test("refused handshakes are told of at a bounded rate")
  func refusalRate() throws {
    let network = SimulatedNetwork(seed: 3)
    var configuration = QUICConfiguration()
    configuration.connectionsMax = 0
    let server = try network.addNode("server", configuration: configuration)
    let client = try network.addNode("client")
    // Within one second of the clock.
    let begin = network.now / 1_000_000_000
    let dials = (0..<100).map { _ in network.dial(client, server) }
    network.run(seconds: 0.5) { dials.allSatisfy { $0.result != nil } }
    #expect(network.now / 1_000_000_000 == begin)
    #expect(server.endpoint.figures.handshakesRefused == 100)
    #expect(server.endpoint.figures.handshakesFailed == 0)
    #expect(server.refusals.count == QUICEndpoint.refusalEventsPerSecondMax)
    network.run(seconds: 2)
    _ = network.connect(client, server)
    #expect(server.refusals.count == QUICEndpoint.refusalEventsPerSecondMax + 1)
  }

  @Test("datagrams that are for nobody are told of once a minute, with their number")
  func drops() throws {
    let network = SimulatedNetwork(seed: 4)
    let server = try network.addNode("server")
    let stranger = SocketAddress(address: [10, 0, 0, 77], port: 7)!
    func send(_ count: Int) {
      for _ in 0..<count { network.carry([0xC0, 1, 2], from: stranger, to: server.address, ecn: 0) }
      network.run(seconds: 0.1)
    }
    send(500)
    network.run(seconds: 30)
    send(500)
    #expect(server.drops == [1])
    network.run(seconds: 31)
    send(1)
    #expect(server.drops == [1, 1_000])
    // A first packet that cannot be decrypted counts too.
    var initial = [UInt8](repeating: 0x5A, count: 1_200)
    initial.replaceSubrange(0..<6, with: [0xC3, 0, 0, 0, 1, 8])
    initial[14] = 0
    initial[15] = 0
    initial.replaceSubrange(16..<18, with: [0x44, 0x96])
    network.run(seconds: 61)
    network.carry(initial, from: stranger, to: server.address, ecn: 0)
    network.run(seconds: 0.1)
    #expect(server.drops == [1, 1_000, 1])
    #expect(server.endpoint.connectionCount == 0)
    #expect(server.refusals.isEmpty)
  }
}
