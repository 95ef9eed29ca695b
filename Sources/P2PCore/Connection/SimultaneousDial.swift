/// Which of two connections stays when two peers dialled each other at the same time: the one that the peer with the
/// smaller id dialled. Ids are compared as bytes. Both ends come to the same answer without a word.
///
/// Only the dialler of the other one closes it, with `ConnectionCode.supplanted`. So a peer that keeps both never
/// sees us close what it dialled, and a connection that a peer dialled after a restart is not closed in favour of one
/// that it no longer knows of.
package enum SimultaneousDial {
  /// The direction, seen from `local`, of the connection that stays.
  package static func keptDirection(local: PeerID, remote: PeerID) -> Direction {
    local.bytes.lexicographicallyPrecedes(remote.bytes) ? .outbound : .inbound
  }

  /// Whether `local` is to close its connection of `direction` while it has one of the other direction too.
  package static func closes(_ direction: Direction, local: PeerID, remote: PeerID) -> Bool {
    direction == .outbound && Self.keptDirection(local: local, remote: remote) == .inbound
  }
}
