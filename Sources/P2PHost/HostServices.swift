package import P2PCore

/// What a host needs of the world around it.
package struct HostServices: Sendable {
  package var resolve: NameResolver
  /// Nil where `/dnsaddr` is not supported.
  package var resolveText: TextResolver?
  package var interfaces: InterfaceLister
  /// Keeps the address book for the next start; nil where there is nowhere to keep it.
  package var saveBook: BookSaver?

  package init(
    resolve: @escaping NameResolver, resolveText: TextResolver? = nil, interfaces: @escaping InterfaceLister,
    saveBook: BookSaver? = nil
  ) {
    self.resolve = resolve
    self.resolveText = resolveText
    self.interfaces = interfaces
    self.saveBook = saveBook
  }
}

/// Resolves a name to IP addresses (4 or 16 bytes each, best first), off the event loop, within a reasonable time
/// of its own; throws when there is none, with words for people.
package typealias NameResolver = @Sendable (_ name: String, _ family: QUICTarget.NameFamily) async throws -> [[UInt8]]

/// Looks up TXT records of a name, off the event loop.
package typealias TextResolver = @Sendable (_ name: String) async throws -> [String]

/// The addresses of this machine's interfaces, ports ignored.
package typealias InterfaceLister = @Sendable () -> [IPEndpoint]

/// Keeps a snapshot of the address book; an older revision than the last one kept is ignored. Throws with words for
/// people.
package typealias BookSaver = @Sendable (BookSnapshot) async throws -> Void

/// What of the address book is kept across restarts.
package struct BookSnapshot: Sendable, Hashable {
  /// Grows with each change.
  package var revision: UInt64
  package var peers: [BookEntry]
  package var blocks: [Blocklist.Record]
}

/// A peer of the address book.
package struct BookEntry: Sendable, Hashable {
  package enum Source: String, Sendable, Hashable { case config, api }

  package var peerID: PeerID
  package var name: String?
  package var pinned: Bool
  /// Without `/p2p`.
  package var addresses: [Multiaddr]
  /// Those of the configuration are not kept by us and cannot be deleted through the API.
  package var source: Source

  package init(peerID: PeerID, name: String?, pinned: Bool, addresses: [Multiaddr], source: Source) {
    self.peerID = peerID
    self.name = name
    self.pinned = pinned
    self.addresses = addresses
    self.source = source
  }
}

/// For code in this process that follows connections and members.
package protocol ConnectionObserver: Sendable {
  /// Called in order, on the host's executor; must return at once. `reason` is why it is being closed or gone.
  func connection(_ connection: any Connection, became state: LinkState, reason: CloseReason?)

  /// `peer` was put into the address book, or taken out of it. Likewise.
  func peer(_ peer: PeerID, isMember: Bool)
}
