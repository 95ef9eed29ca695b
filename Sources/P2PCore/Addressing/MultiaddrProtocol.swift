/// Protocols of multiaddrs by their codes (multiformats: multicodec). Values are read and written for those that
/// lead to QUIC; of the others names and codes are known, to say what an address is.
package enum MultiaddrProtocol: UInt64, Sendable, Hashable, CaseIterable {
  case ip4 = 4
  case tcp = 6
  case dccp = 33
  case ip6 = 41
  case ip6zone = 42
  case ipcidr = 43
  case dns = 53
  case dns4 = 54
  case dns6 = 55
  case dnsaddr = 56
  case sctp = 132
  case udp = 273
  case p2pWebRTCStar = 275
  case p2pWebRTCDirect = 276
  case p2pStardust = 277
  case webRTCDirect = 280
  case webRTC = 281
  case p2pCircuit = 290
  case udt = 301
  case utp = 302
  case unix = 400
  case p2p = 421
  case https = 443
  case onion = 444
  case onion3 = 445
  case garlic64 = 446
  case garlic32 = 447
  case tls = 448
  case sni = 449
  case noise = 454
  case quic = 460
  case quicV1 = 461
  case webTransport = 465
  case certhash = 466
  case ws = 477
  case wss = 478
  case p2pWebSocketStar = 479
  case http = 480
  case httpPath = 481
  case memory = 777
  case plaintextv2 = 7_367_777

  /// As in the text form.
  package var name: String {
    switch self {
    case .ip4: "ip4"
    case .tcp: "tcp"
    case .dccp: "dccp"
    case .ip6: "ip6"
    case .ip6zone: "ip6zone"
    case .ipcidr: "ipcidr"
    case .dns: "dns"
    case .dns4: "dns4"
    case .dns6: "dns6"
    case .dnsaddr: "dnsaddr"
    case .sctp: "sctp"
    case .udp: "udp"
    case .p2pWebRTCStar: "p2p-webrtc-star"
    case .p2pWebRTCDirect: "p2p-webrtc-direct"
    case .p2pStardust: "p2p-stardust"
    case .webRTCDirect: "webrtc-direct"
    case .webRTC: "webrtc"
    case .p2pCircuit: "p2p-circuit"
    case .udt: "udt"
    case .utp: "utp"
    case .unix: "unix"
    case .p2p: "p2p"
    case .https: "https"
    case .onion: "onion"
    case .onion3: "onion3"
    case .garlic64: "garlic64"
    case .garlic32: "garlic32"
    case .tls: "tls"
    case .sni: "sni"
    case .noise: "noise"
    case .quic: "quic"
    case .quicV1: "quic-v1"
    case .webTransport: "webtransport"
    case .certhash: "certhash"
    case .ws: "ws"
    case .wss: "wss"
    case .p2pWebSocketStar: "p2p-websocket-star"
    case .http: "http"
    case .httpPath: "http-path"
    case .memory: "memory"
    case .plaintextv2: "plaintextv2"
    }
  }

  /// `/ipfs/` is the old name of `/p2p/`.
  package init?(name: String) {
    guard let found = Self.byName[name] else { return nil }
    self = found
  }

  private static let byName: [String: Self] = {
    var names = Dictionary(uniqueKeysWithValues: Self.allCases.map { ($0.name, $0) })
    names["ipfs"] = .p2p
    return names
  }()

  /// What stands behind the code.
  enum Format: Hashable {
    case none
    case ip4
    case ip6
    case port
    /// A number of 0 to 255.
    case byte
    /// A name behind its length.
    case name
    /// An interface behind its length.
    case zone
    /// A peer id's multihash behind its length.
    case peer
    /// Not read here.
    case unsupported
  }

  var format: Format {
    switch self {
    case .ip4: .ip4
    case .ip6: .ip6
    case .tcp, .udp, .sctp, .dccp: .port
    case .ipcidr: .byte
    case .ip6zone: .zone
    case .dns, .dns4, .dns6, .dnsaddr, .sni: .name
    case .p2p: .peer
    case .p2pCircuit, .webRTCDirect, .webRTC, .p2pWebRTCDirect, .udt, .utp, .https, .http, .tls, .noise, .quic, .quicV1,
      .webTransport, .ws, .wss:
      .none
    case .p2pWebRTCStar, .p2pStardust, .unix, .onion, .onion3, .garlic64, .garlic32, .certhash, .p2pWebSocketStar,
      .httpPath, .memory, .plaintextv2:
      .unsupported
    }
  }

  /// A value is printed behind the name.
  var hasText: Bool { self.format != .none && self.format != .unsupported }

  /// What an address that holds this is, where that is not QUIC v1.
  var foreignTransport: String? {
    switch self {
    case .tcp: "TCP"
    case .sctp: "SCTP"
    case .dccp: "DCCP"
    case .p2pWebRTCStar, .p2pWebRTCDirect, .webRTCDirect, .webRTC: "WebRTC"
    case .p2pCircuit: "a relay address"
    case .udt: "UDT"
    case .utp: "uTP"
    case .unix: "a Unix socket"
    case .https, .http, .httpPath: "HTTP"
    case .onion, .onion3: "Tor"
    case .garlic64, .garlic32: "I2P"
    case .quic: "QUIC draft-29"
    case .webTransport, .certhash: "WebTransport"
    case .ws, .wss, .p2pWebSocketStar: "WebSocket"
    case .memory: "an in-memory transport"
    default: nil
    }
  }

  var isHost: Bool {
    switch self {
    case .ip4, .ip6, .dns, .dns4, .dns6, .dnsaddr: true
    default: false
    }
  }
}
