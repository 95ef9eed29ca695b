import LinuxIO
import P2PCore

/// One dial between its start and its end, for a caller that may give it up from elsewhere. On the loop.
final class PendingDial: @unchecked Sendable {
  // Guard: the loop's thread.
  private var dial: OutboundDial?
  private var isCancelled = false
  private var isEnded = false

  /// `ended` is called once, not before this is on the loop.
  func begin(
    _ endpoint: QUICEndpoint, to remote: SocketAddress, expecting peer: PeerID?, timeout: Duration,
    from local: () throws(DialError) -> SocketAddress,
    ended: @escaping (Result<QUICConnectionHandle, DialError>) -> Void
  ) {
    func end(_ result: Result<QUICConnectionHandle, DialError>) {
      self.isEnded = true
      self.dial = nil
      ended(result)
    }
    if self.isCancelled { return end(.failure(DialError(.cancelled, "the dial was given up", temporary: true))) }
    do throws(DialError) {
      let dial = endpoint.connect(
        local: try local(), remote: remote, expecting: peer, timeout: timeout, now: endpoint.environment.clock(),
        ended: end)
      if !self.isEnded { self.dial = dial }
    } catch {
      end(.failure(error))
    }
  }

  /// The remote is told, or it would wait for its own timeout. It may think that it is connected already, to one that
  /// it is connected to by the dial for which this one is given up: the code tells it that nothing was lost.
  func cancel(_ endpoint: QUICEndpoint) {
    self.isCancelled = true
    guard let connection = self.dial?.connection else { return }
    endpoint.close(
      connection, code: ConnectionCode.supplanted, words: "the dial was given up", now: endpoint.environment.clock())
  }
}
