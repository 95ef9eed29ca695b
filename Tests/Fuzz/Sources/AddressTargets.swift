import P2PCore

let addressTargets = [
  FuzzTarget("multiaddr-text", lengthMax: 1_024) { bytes in
    guard let text = text(bytes), let address = accepted({ () throws(MultiaddrError) in try Multiaddr(text) }) else {
      return
    }
    check(address)
  },
  FuzzTarget("multiaddr-binary", lengthMax: 1_024) { bytes in
    guard let address = accepted({ () throws(MultiaddrError) in try Multiaddr(bytes: bytes) }) else { return }
    hold(address.bytes == bytes, "the binary form is kept")
    check(address)
  },
  FuzzTarget("peer-id-text", lengthMax: 256) { bytes in
    guard let text = text(bytes), let peer = accepted({ () throws(PeerIDError) in try PeerID(text) }) else { return }
    check(peer)
  },
  FuzzTarget("peer-id-binary", lengthMax: 256) { bytes in
    guard let peer = accepted({ () throws(PeerIDError) in try PeerID(multihash: bytes) }) else { return }
    hold(peer.bytes == bytes, "the multihash is kept")
    check(peer)
  },
  FuzzTarget("ip-endpoint", lengthMax: 128) { bytes in
    guard let text = text(bytes), let endpoint = accepted({ () throws(MultiaddrError) in try IPEndpoint(text) }) else {
      return
    }
    let printed = endpoint.description
    hold(own(printed) { () throws(MultiaddrError) in try IPEndpoint(printed) } == endpoint, "\(printed) is read back")
  },
]

private func check(_ address: Multiaddr) {
  let printed = address.description
  hold(own(printed) { () throws(MultiaddrError) in try Multiaddr(printed) } == address, "\(printed) is read back")
  hold(
    own(printed) { () throws(MultiaddrError) in try Multiaddr(bytes: address.bytes) } == address,
    "\(printed) is read back from its bytes")
  hold(address.components.map(\.description).joined() == printed, "\(printed) is its components")
  if let peer = address.peerID {
    hold(address.with(peerID: peer) == address, "\(printed) is itself with its own peer id")
    hold(address.bytes.starts(with: address.withoutPeerID.bytes), "\(printed) begins as it does without its peer id")
  }
  // Refusals of these are part of what must not trap.
  if let target = accepted({ () throws(DialError) in try address.quicTarget() }), case .endpoint(let endpoint) = target,
    address.peerID == nil
  {
    hold(Multiaddr(quic: endpoint) == address, "\(printed) is made again from its endpoint")
  }
  _ = accepted { () throws(DialError) in try address.listenTarget() }
  hold(address.isAnswer(to: address), "\(printed) ends as itself")
}

private func check(_ peer: PeerID) {
  for form in [peer.description, peer.cid, peer.cidBase32] {
    hold(own(form) { () throws(PeerIDError) in try PeerID(form) } == peer, "\(form) is read back")
  }
  if let key = peer.publicKey { hold(PeerID(publicKey: key) { _ in [] } == peer, "\(peer) is the id of its key") }
}
