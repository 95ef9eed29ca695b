import GnuTLS
import LinuxIO
import P2PCore
import Testing

@testable import QUIC

/// Dials and listeners that do not go the usual way.
@Suite(.timeLimit(.minutes(1))) struct TransportDialTests {
  private static func failure(_ body: () async throws(DialError) -> any Connection) async -> DialError? {
    do throws(DialError) {
      _ = try await body()
      return nil
    } catch {
      return error
    }
  }

  @Test("a dial whose caller gives up ends at once")
  func cancelled() async throws {
    let pair = try await Pair()
    // Bound and never read: nobody answers and nothing is refused.
    let silent = try UDPSocket(bind: #require(SocketAddress(address: [127, 0, 0, 1], port: 0)))
    let address = silent.localAddress.multiaddr
    let start = ContinuousClock.now
    let dial = Task {
      await Self.failure { () throws(DialError) in
        try await pair.client.dial(address, expecting: nil, timeout: .seconds(30))
      }
    }
    try await Task.sleep(for: .milliseconds(50))
    dial.cancel()
    #expect(await dial.value?.class == .cancelled)
    #expect(ContinuousClock.now - start < .seconds(10))
    await pair.stop()
  }

  @Test("a dial that nobody answers ends with its timeout")
  func timeout() async throws {
    let pair = try await Pair()
    let silent = try UDPSocket(bind: #require(SocketAddress(address: [127, 0, 0, 1], port: 0)))
    let address = silent.localAddress.multiaddr
    let error = await Self.failure { () throws(DialError) in
      try await pair.client.dial(address, expecting: nil, timeout: .milliseconds(200))
    }
    #expect(error?.class == .timeout)
    await pair.stop()
  }

  @Test("a transport that listens everywhere dials from that socket", arguments: ["/ip4/0.0.0.0", "/ip6/::"])
  func wildcard(_ family: String) async throws {
    let pair = try await Pair(family)
    let port = try #require(pair.server.listenAddresses.first).description.split(separator: "/")[3]
    let loopback = family.hasPrefix("/ip4") ? "/ip4/127.0.0.1" : "/ip6/::1"
    let connection = try await pair.client.dial(
      try Multiaddr("\(loopback)/udp/\(port)/quic-v1"), expecting: pair.serverID, timeout: .seconds(5))
    let own = try #require(pair.client.listenAddresses.first).description.split(separator: "/")[3]
    #expect(await eventually { pair.record.firstOpened() != nil })
    #expect(pair.record.firstOpened()?.remoteAddress.description == "\(loopback)/udp/\(own)/quic-v1")
    connection.close(code: 0, reason: "")
    await pair.stop()
  }

  @Test("a transport without a listener dials from a socket of its own, of either family")
  func noListener() async throws {
    for family in ["/ip4/127.0.0.1", "/ip6/::1"] {
      let pair = try await Pair(family)
      let dialer = try QUICTransport(
        identity: try IdentityKey.generate(.ed25519), addresses: [], configuration: .init())
      try await dialer.start { _ in }
      #expect(dialer.listenAddresses.isEmpty)
      #expect(dialer.receiveBuffer == nil)
      for _ in 0..<2 {
        let connection = try await dialer.dial(
          pair.server.listenAddresses[0], expecting: pair.serverID, timeout: .seconds(5))
        #expect(connection.remotePeer == pair.serverID)
      }
      await dialer.shutdown(code: 0, timeout: .seconds(1))
      dialer.stop()
      await pair.stop()
    }
  }

  @Test("what is no address to dial is told", arguments: ["/dns4/a.example/udp/1/quic-v1", "/ip4/127.0.0.1/tcp/1"])
  func noAddress(_ text: String) async throws {
    let pair = try await Pair()
    let error = await Self.failure { () throws(DialError) in
      try await pair.client.dial(try Self.multiaddr(text), expecting: nil, timeout: .seconds(1))
    }
    #expect(error?.class == (text.contains("dns") ? .invalidAddress : .unsupportedTransport))
    await pair.stop()
  }

  private static func multiaddr(_ text: String) throws(DialError) -> Multiaddr {
    do { return try Multiaddr(text) } catch { throw DialError(.invalidAddress, "\(error)", temporary: false) }
  }

  @Test("one listener that fails is told and leaves the others, all that fail are an error")
  func listeners() async throws {
    let missing = try Multiaddr("/ip6zone/no-such-if/ip6/fe80::1/udp/0/quic-v1")
    let elsewhere = try Multiaddr("/ip4/192.0.2.1/udp/0/quic-v1")
    let good = try Multiaddr("/ip4/127.0.0.1/udp/0/quic-v1")
    let key = try IdentityKey.generate(.ed25519)
    let some = try QUICTransport(identity: key, addresses: [missing, elsewhere, good], configuration: .init())
    try await some.start { _ in }
    #expect(some.listenAddresses.count == 1)
    let errors = Dictionary(uniqueKeysWithValues: some.listeners.map { ($0.address, $0.error) })
    #expect(errors.count == 3)
    #expect(errors[missing]??.contains("no-such-if") == true)
    #expect(errors[elsewhere]??.contains("Cannot assign requested address") == true)
    #expect(errors[good] == .some(nil))
    await some.shutdown(code: 0, timeout: .seconds(1))
    some.stop()

    let none = try QUICTransport(identity: key, addresses: [missing, elsewhere], configuration: .init())
    await #expect(throws: QUICTransportError.self) { try await none.start { _ in } }
    await none.shutdown(code: 0, timeout: .seconds(1))
    none.stop()
  }

  @Test("a transport whose loop hangs is not responsive")
  func responsive() async throws {
    let pair = try await Pair()
    #expect(await pair.client.isResponsive(within: .seconds(10)))
    let loop = try #require(pair.client.streamExecutor as? EventLoop)
    let isFree = SharedFlag()
    loop.execute { while !isFree.isSet {} }
    let release = Task {
      try await Task.sleep(for: .seconds(1))
      isFree.set()
    }
    #expect(await !pair.client.isResponsive(within: .milliseconds(50)))
    // The answer does not wait for the loop.
    #expect(!isFree.isSet)
    try await release.value
    #expect(await pair.client.isResponsive(within: .seconds(10)))
    await pair.stop()
  }
}
