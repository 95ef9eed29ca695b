import Federation
import P2PCore
import P2PHost
import QUIC

/// A new stream each, from its opening to the federation's handshake agreed on, and to the end of both sides.
enum Agreements {
  private static let network = "regtest"

  /// Takes every peer that connects for a member.
  final class Doorkeeper: ConnectionObserver {
    let host: Host
    init(host: Host) { self.host = host }

    func connection(_ connection: any Connection, became state: LinkState, reason: CloseReason?) {
      guard state == .connected else { return }
      Task { [host] in
        do {
          _ = try await host.putPeer(connection.remotePeer, addresses: nil, name: nil, pinned: false)
        } catch {
          print("failed: \(error)")
        }
      }
    }

    func peer(_ peer: PeerID, isMember: Bool) {}
  }

  /// Lets `host` speak the protocol with everybody. Before its start.
  static func serve(on host: Host, clock: HostClock) async throws {
    let federation = Federation(host: host, offer: try Offer(network: Self.network, agent: "bench"), clock: clock)
    try await federation.start()
    await host.add(observer: Doorkeeper(host: host))
  }

  static func measure(_ transport: QUICTransport, _ address: Multiaddr, _ n: Int, _ concurrency: Int) async throws {
    let connection = try await Benchmark.dial(transport, address)
    // To become a member.
    try await Task.sleep(for: .milliseconds(300))
    let offer = try Offer(network: Self.network, agent: "bench")
    let (left, failed) = (Counter(n), Counter(0))
    let begin = ContinuousClock.now
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<concurrency {
        group.addTask(executorPreference: transport.streamExecutor!) {
          while left.take() {
            do {
              if try await !Self.agree(on: connection, offer) { failed.add() }
            } catch {
              failed.add()
            }
          }
        }
      }
    }
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    print("agree: \(n) with \(concurrency) at a time, \(failed.value) failed = \(Double(n) / seconds) /s")
  }

  /// As `Federation` does it, on the transport's thread: what need not be awaited is not.
  private static func agree(on connection: any Connection, _ offer: Offer) async throws -> Bool {
    var initiator = HandshakeInitiator(offer: offer)
    let hello = FrameWriter.framed(initiator.start(nowMilliseconds: 0))
    guard
      let stream = try ProtocolStream.openNow(on: connection, protocolID: offer.spoken.ids[0], firstPayload: hello)
    else { return false }
    let reader = FrameReader(stream, limit: FederationProtocol.handshakeFrameMax)
    var isAgreed = false
    while true {
      switch try reader.frameNow() {
      case .wait: await withUnsafeContinuation { stream.wake($0) }
      case .end: return isAgreed
      case .large: return false
      // Behind the answer, what the server has for an agreed session.
      case .message where isAgreed: break
      case .message(let frame):
        guard case .agreed = initiator.received(frame, protocolID: stream.protocolID ?? "", nowMilliseconds: 0),
          try stream.writeNow([], finish: true)
        else { return false }
        isAgreed = true
      }
    }
  }
}
