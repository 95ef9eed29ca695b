import CNgtcp2
import Glibc
import LinuxIO
import P2PCore

extension DialError {
  /// Why a dial failed, from how its connection ended.
  init(_ connection: QUICConnection, _ reason: CloseReason) {
    if let refusal = connection.refusal {
      if case .wrongPeer(let actual) = refusal, let expected = connection.expectedPeer {
        self.init(.peerIDMismatch, "asked for \(expected), but \(actual) answered", temporary: false)
      } else {
        self.init(.handshakeFailed, "we refuse the remote's certificate: \(refusal.words)", temporary: false)
      }
      return
    }
    let words = reason.detail ?? reason.reason
    switch (reason.reason, reason.initiator) {
    case ("handshake_timeout", _), ("idle_timeout", _):
      self.init(.timeout, words, temporary: true)
    case (_, .remote):
      self = DialError.refusedByRemote(reason, words)
    case ("closed_locally", _):
      self.init(.cancelled, reason.detail ?? "the dial was given up", temporary: true)
    case ("stateless_reset", _):
      self.init(.handshakeFailed, words, temporary: true)
    default:
      let isVersion = connection.pendingError == CNG_VERSION_MISMATCH
      self.init(isVersion ? .protocolMismatch : .handshakeFailed, words, temporary: !isVersion)
    }
  }

  private static func refusedByRemote(_ reason: CloseReason, _ words: String) -> DialError {
    let code = reason.code ?? 0
    if reason.isApplicationCode { return DialError(closedBy: code, saying: reason.detail) }
    let hex = "0x" + String(code, radix: 16)
    let said = reason.detail.map { ": \"\($0)\"" } ?? ""
    switch code {
    case CNG_CONNECTION_REFUSED:
      return DialError(.refused, "the remote refuses connections now\(said)", temporary: true)
    case 0x178, 0x150:
      return DialError(
        .protocolMismatch, "the remote does not speak libp2p over QUIC (\(hex))\(said)", temporary: false)
    case 0x100..<0x200:
      return DialError(
        .handshakeFailed, "the remote refuses our certificate or TLS offer (alert \(code - 0x100))\(said)",
        temporary: false)
    default:
      return DialError(.handshakeFailed, "the remote ended the handshake (code \(hex))\(said)", temporary: true)
    }
  }

  /// For an errno that the network reported, or the kernel when sending.
  init(errno: Int32, remote: SocketAddress) {
    let words = "\(remote.multiaddr): \(SystemError.words(errno))"
    self.init(errno == ECONNREFUSED ? .refused : .noRoute, words, temporary: true)
  }
}
