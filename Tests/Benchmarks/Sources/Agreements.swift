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
          await withUnsafeContinuation { Initiator(connection, offer, left, failed, $0).next() }
        }
      }
    }
    let seconds = (ContinuousClock.now - begin) / .seconds(1)
    print("agree: \(n) with \(concurrency) at a time, \(failed.value) failed = \(Double(n) / seconds) /s")
  }

  /// Opens one session after the other, each to its end. On the transport's thread and without a task, as the other side
  /// does.
  private final class Initiator: StreamReader, @unchecked Sendable {
    // Guard: the transport's thread.

    private let connection: any Connection
    private let offer: Offer
    private let left: Counter
    private let failed: Counter
    private let done: UnsafeContinuation<Void, Never>
    private var handshake: HandshakeInitiator
    private var stream: ProtocolStream?
    private var isAgreed = false

    init(
      _ connection: any Connection, _ offer: Offer, _ left: Counter, _ failed: Counter,
      _ done: UnsafeContinuation<Void, Never>
    ) {
      self.connection = connection
      self.offer = offer
      self.left = left
      self.failed = failed
      self.done = done
      self.handshake = HandshakeInitiator(offer: offer)
    }

    func next() {
      guard self.left.take() else { return self.done.resume() }
      self.handshake = HandshakeInitiator(offer: self.offer)
      self.isAgreed = false
      do {
        let hello = FrameWriter.framed(self.handshake.start(nowMilliseconds: 0))
        self.stream = try ProtocolStream.openNow(
          on: self.connection, protocolID: self.offer.spoken.ids[0], firstPayload: hello)
        if let stream = self.stream { stream.wake(self) } else { self.over(failed: true) }
      } catch {
        self.over(failed: true)
      }
    }

    func streamIsReadable() {
      guard let stream = self.stream else { return }
      do {
        let reader = FrameReader(stream, limit: FederationProtocol.handshakeFrameMax)
        while true {
          switch try reader.frameNow() {
          case .wait: return stream.wake(self)
          case .end: return self.over(failed: !self.isAgreed)
          case .large: return self.over(failed: true)
          // Behind the answer, what the server has for an agreed session.
          case .message where self.isAgreed: break
          case .message(let frame):
            guard
              case .agreed = self.handshake.received(frame, protocolID: stream.protocolID ?? "", nowMilliseconds: 0),
              try stream.writeNow([], finish: true)
            else { return self.over(failed: true) }
            self.isAgreed = true
          }
        }
      } catch {
        self.over(failed: true)
      }
    }

    /// One that fails is the last of its row: what comes behind it would fail as well, each within the one before.
    private func over(failed: Bool) {
      self.stream = nil
      if !failed { return self.next() }
      self.failed.add()
      self.done.resume()
    }
  }
}
