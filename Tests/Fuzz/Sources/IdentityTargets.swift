import GnuTLS
import P2PCore

/// Unix seconds within the validity of the certificates in the corpus.
private let now: Int64 = 1_800_000_000

let identityTargets = [
  FuzzTarget("public-key", lengthMax: 2_100) { bytes in
    guard let key = accepted({ () throws(KeyError) in try PublicKey(protobuf: bytes) }) else { return }
    hold(key.protobuf == bytes, "the only encoding of a key is kept")
    _ = key.isAcceptable
    _ = key.verify(signature: bytes, of: bytes)
    let peer = PeerID(publicKey: key)
    hold(own("\(peer)") { () throws(PeerIDError) in try PeerID(multihash: peer.bytes) } == peer, "\(peer) is read back")
  },
  FuzzTarget("private-key", lengthMax: 2_400) { bytes in
    guard let message = accepted({ () throws(KeyError) in try PrivateKeyMessage(protobuf: bytes) }) else { return }
    hold(
      own("a private key") { () throws(KeyError) in try PrivateKeyMessage(protobuf: message.protobuf) } == message,
      "a private key is read back")
    guard let key = accepted({ () throws(IdentityKeyError) in try IdentityKey.load(protobuf: bytes) }) else { return }
    hold(key.publicKey.verify(signature: key.sign(bytes), of: bytes), "a key that is loaded signs")
  },
  FuzzTarget("certificate", lengthMax: 4_096) { bytes in
    guard
      let certificate = accepted({ () throws(CertificateError) in
        try CertificateVerifier.verify(der: bytes, now: now)
      })
    else { return }
    hold(certificate.peerID.matches(certificate.publicKey), "the peer id is that of the key")
  },
  FuzzTarget("certificate-extension", lengthMax: 4_096) { bytes in
    guard
      let (key, _) = accepted({ () throws(CertificateError) in try CertificateVerifier.decode(bytes) })
    else { return }
    hold(
      own("a key") { () throws(KeyError) in try PublicKey(protobuf: key.protobuf) } == key, "the key is read back")
  },
]

extension PeerID {
  fileprivate func matches(_ key: PublicKey) -> Bool { self == PeerID(publicKey: key) }
}
