internal import Jansson
internal import P2PCore
internal import P2PHost

// How single values look in JSON.

extension JSON {
  init(_ peer: PeerID) { self = .string(peer.description) }
  init(_ address: Multiaddr) { self = .string(address.description) }
  init(_ addresses: [Multiaddr]) { self = .array(addresses.map { JSON($0) }) }
  init(_ texts: [String]) { self = .array(texts.map(JSON.string)) }

  /// A time in milliseconds since the Unix epoch; 0 is unknown, as the transport has it.
  init(time: Int64?) {
    self = if let time, time > 0 { .string(Timestamp.text(time)) } else { .null }
  }

  /// Milliseconds with three digits: a microsecond is as fine as clocks of a transport are.
  init(milliseconds duration: Duration?) {
    guard let duration else {
      self = .null
      return
    }
    self = .double((duration / .microseconds(1)).rounded() / 1_000)
  }

  /// Whole milliseconds.
  init(wholeMilliseconds duration: Duration?) {
    self = duration.map { .integer(Int64(($0 / .milliseconds(1)).rounded())) } ?? .null
  }

  init(_ value: EventValue) {
    switch value {
    case .null: self = .null
    case .bool(let flag): self = .bool(flag)
    case .int(let number): self = .integer(number)
    case .double(let number): self = .double(number)
    case .string(let text): self = .string(text)
    case .time(let time): self = JSON(time: time)
    case .array(let values): self = .array(values.map { JSON($0) })
    case .object(let members): self = .object(Object(members.map { .init($0.0, JSON($0.1)) }))
    }
  }

  init(_ error: DialError?) {
    guard let error else {
      self = .null
      return
    }
    self = [
      "class": .string(error.class.rawValue), "detail": .string(error.detail), "temporary": .bool(error.temporary),
    ]
  }
}

/// Standard base 64 with padding (RFC 4648 §4).
func base64(_ bytes: [UInt8]) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var text: [UInt8] = []
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = bytes[start..<min(start + 3, bytes.count)]
    var bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
    var digits: [UInt8] = []
    for index in (0..<4).reversed() {
      digits.append(index > group.count ? UInt8(ascii: "=") : alphabet[bits & 63])
      bits >>= 6
    }
    text += digits.reversed()
  }
  return String(decoding: text, as: UTF8.self)
}
