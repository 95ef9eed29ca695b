internal import GnuTLS
internal import P2PCore
internal import P2PHost

// A peer as `peers.static`, and a peers file, name it.

extension ValueType<BookEntry> {
  /// `{name, public_key | peer_id, addresses}`; a peer of the configuration is kept connected.
  static let peer = ValueType<BookEntry>(
    shape: .single,
    expects: "{name: fed-01, public_key: <base64>, addresses: [/dns4/fed-01.example/udp/9000/quic-v1]}",
    read: { raw throws(ValueError) in
      guard case .map(let fields) = raw else {
        throw ValueError("is \(raw.kind), not a mapping", mend: "write {name: …, public_key: …, addresses: […]}")
      }
      let known = ["name", "public_key", "peer_id", "addresses"]
      if let unknown = fields.keys.sorted().first(where: { !known.contains($0) }) {
        throw ValueError("has the unknown key \(quoted(unknown))", mend: "known are \(known.joined(separator: ", "))")
      }
      let peer = try readPeerID(fields)
      let name = try fields["name"].map { raw throws(ValueError) in try ValueType<String>.peerName.read(raw) }
      let addresses = try fields["addresses"].map { raw throws(ValueError) in
        try ValueType<Multiaddr>.dialAddress.list(max: Host.bookAddressesMax).read(raw)
      }
      for address in addresses ?? [] {
        if let named = address.peerID, named != peer {
          throw ValueError("\(address) is an address of another peer than \(peer)", mend: "drop its /p2p part")
        }
      }
      return BookEntry(
        peerID: peer, name: name, pinned: true, addresses: (addresses ?? []).map(\.withoutPeerID), source: .config)
    },
    show: { entry in
      var fields: [String: RawValue] = [
        "peer_id": .text(entry.peerID.description),
        "addresses": .list(entry.addresses.map { .text($0.description) }),
      ]
      fields["name"] = entry.name.map { .text($0) }
      return .map(fields)
    })
}

extension ValueType<String> {
  static let peerName = ValueType<String>.text(
    "a name of at most \(peerNameBytesMax) bytes, for example fed-03", max: peerNameBytesMax)
}

/// As in the API.
let peerNameBytesMax = 64

private func readPeerID(_ fields: [String: RawValue]) throws(ValueError) -> PeerID {
  switch (fields["public_key"], fields["peer_id"]) {
  case (.text(let key)?, nil): return PeerID(publicKey: try readPublicKey(key))
  case (nil, .text(let id)?):
    do throws(PeerIDError) {
      return try PeerID(id)
    } catch {
      throw ValueError(error.description, mend: "write a peer id as 12D3KooW…")
    }
  default:
    throw ValueError("does not say who the peer is", mend: "give one of public_key and peer_id")
  }
}

/// base64 of the 32 bytes of an Ed25519 key, as the Go node's peers.yaml has it, or of a libp2p PublicKey.
func readPublicKey(_ text: String) throws(ValueError) -> PublicKey {
  let mend = "write base64 of the 32 bytes of an Ed25519 key, or of a libp2p PublicKey"
  do {
    let bytes = try base64Decode(trimmed(text))
    return bytes.count == 32 ? PublicKey(type: .ed25519, data: bytes) : try PublicKey(protobuf: bytes)
  } catch {
    throw ValueError("public_key: \(error)", mend: mend)
  }
}
