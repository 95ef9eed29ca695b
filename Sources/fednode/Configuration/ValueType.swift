internal import Logging
internal import P2PCore

/// How the words of the environment or a flag become a value.
enum ValueShape: Sendable {
  case single
  /// `a,b`
  case list
  /// `a=x,b=y`
  case map
}

/// How a value is written: from words to a Swift value and back.
struct ValueType<Value: Sendable>: Sendable {
  let shape: ValueShape
  /// Completes "expected …": names the form and gives an example.
  let expects: String
  let read: @Sendable (RawValue) throws(ValueError) -> Value
  let show: @Sendable (Value) -> RawValue

  /// A type that is written as one word or sentence; `read` answers nil when `expects` is not met.
  static func single(
    _ expects: String, _ read: @escaping @Sendable (String) throws(ValueError) -> Value?,
    show: @escaping @Sendable (Value) -> String
  ) -> ValueType {
    ValueType(
      shape: .single, expects: expects,
      read: { raw throws(ValueError) in
        guard case .text(let text) = raw else { throw ValueError("is \(raw.kind)", mend: "write \(expects)") }
        guard let value = try read(text) else {
          throw ValueError("\(quoted(text)) cannot be used", mend: "write \(expects)")
        }
        return value
      }, show: { .text(show($0)) })
  }

  /// The same, shown without quotes in JSON.
  var literal: ValueType<Value> {
    let inner = self
    return ValueType(shape: self.shape, expects: self.expects, read: self.read) { value in
      guard case .text(let text) = inner.show(value) else { return inner.show(value) }
      return .literal(text)
    }
  }

  /// The same, or `word` for nil.
  func or(_ word: String) -> ValueType<Value?> {
    let inner = self
    return ValueType<Value?>(
      shape: self.shape, expects: "\(word) or \(self.expects)",
      read: { raw throws(ValueError) -> Value? in
        if raw == .text(word) { return nil }
        do throws(ValueError) {
          return try inner.read(raw)
        } catch {
          throw ValueError(error.message, mend: error.mend.replacingPrefix("write ", "write \(word) or "))
        }
      }, show: { value in value.map { inner.show($0) } ?? .text(word) })
  }

  /// The same, where nil is not written at all.
  var optional: ValueType<Value?> {
    let inner = self
    return ValueType<Value?>(
      shape: self.shape, expects: self.expects, read: { raw throws(ValueError) in try inner.read(raw) },
      show: { value in value.map { inner.show($0) } ?? .literal("null") })
  }

  /// A list of these, without repeats.
  func list(max: Int) -> ValueType<[Value]> where Value: Hashable {
    let inner = self
    return ValueType<[Value]>(
      shape: .list, expects: "a list, each \(self.expects)",
      read: { raw throws(ValueError) in
        guard case .list(let items) = raw else {
          throw ValueError("is \(raw.kind), not a list", mend: "write it as [a, b]")
        }
        guard items.count <= max else {
          throw ValueError("has \(items.count) items", mend: "leave at most \(max)")
        }
        var values: [Value] = []
        for item in items {
          let value = try inner.read(item)
          if values.contains(value) {
            throw ValueError("has one item twice", mend: "remove one of \(item.words)")
          }
          values.append(value)
        }
        return values
      }, show: { .list($0.map { inner.show($0) }) })
  }

  /// Names with these.
  func map(max: Int) -> ValueType<[String: Value]> {
    let inner = self
    return ValueType<[String: Value]>(
      shape: .map, expects: "a mapping of names, each to \(self.expects)",
      read: { raw throws(ValueError) in
        guard case .map(let entries) = raw else {
          throw ValueError("is \(raw.kind), not a mapping", mend: "write it as {name: value}")
        }
        guard entries.count <= max else {
          throw ValueError("has \(entries.count) entries", mend: "leave at most \(max)")
        }
        var values: [String: Value] = [:]
        for (name, item) in entries.sorted(by: { $0.key < $1.key }) {
          do throws(ValueError) {
            values[name] = try inner.read(item)
          } catch {
            throw ValueError("\(quoted(name)): \(error.message)", mend: error.mend)
          }
        }
        return values
      }, show: { .map($0.mapValues { inner.show($0) }) })
  }
}

extension ValueType<String> {
  /// 1…`max` bytes of printable text.
  static func text(_ expects: String, max: Int) -> Self {
    .single(
      expects,
      { text in
        let isPrintable = text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value) }
        return !text.isEmpty && text.utf8.count <= max && isPrintable ? text : nil
      }, show: { $0 })
  }

  /// `~` and `~/…` stand for the home directory.
  static func path(home: String?) -> Self {
    .single(
      "a path, for example /var/lib/fednode",
      { text throws(ValueError) in
        guard !text.isEmpty, text.utf8.count <= 4_095, !text.utf8.contains(0) else { return nil }
        guard text == "~" || text.hasPrefix("~/") else { return text }
        guard let home, !home.isEmpty else {
          throw ValueError("starts with ~, but HOME is not set", mend: "write the whole path")
        }
        return home + text.dropFirst()
      }, show: { $0 })
  }
}

extension ValueType<Bool> {
  static let boolean = ValueType.single(
    "true or false", { ["true": true, "false": false][$0] }, show: { $0 ? "true" : "false" }
  ).literal
}

extension ValueType<Int> {
  static func integer(_ range: ClosedRange<Int>) -> Self {
    .single(
      range.lowerBound == range.upperBound
        ? String(range.lowerBound) : "a whole number from \(range.lowerBound) to \(range.upperBound)",
      { text in
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
          return nil
        }
        return Int(text).flatMap { range.contains($0) ? $0 : nil }
      }, show: { String($0) }
    ).literal
  }
}

extension ValueType<UInt64> {
  static func size(_ range: ClosedRange<UInt64>) -> Self {
    .single(
      "a size from \(sizeText(range.lowerBound)) to \(sizeText(range.upperBound)), for example 512MiB or 8GiB",
      { text throws(ValueError) in
        if UInt64(text) != nil { throw ValueError("\(text) has no unit", mend: "write \(text)MiB or \(text)GiB") }
        return parseSize(text).flatMap { range.contains($0) ? $0 : nil }
      }, show: { sizeText($0) })
  }
}

extension ValueType<Duration> {
  static func duration(_ range: ClosedRange<Duration>) -> Self {
    .single(
      "a duration from \(durationText(range.lowerBound)) to \(durationText(range.upperBound)), for example 250ms, 10s or 5m",
      { text throws(ValueError) in
        if Int(text) != nil { throw ValueError("\(text) has no unit", mend: "write \(text)s or \(text)ms") }
        return parseDuration(text).flatMap { range.contains($0) ? $0 : nil }
      }, show: { durationText($0) })
  }
}

extension ValueType where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  static var choice: Self {
    .choice(Array(Value.allCases)) { $0.rawValue }
  }
}

extension ValueType {
  /// One of a few words.
  static func choice(_ all: [Value], _ name: @escaping @Sendable (Value) -> String) -> Self
  where Value: Sendable {
    .single(
      "one of " + all.map(name).joined(separator: " | "),
      { text throws(ValueError) in
        if let value = all.first(where: { name($0) == text }) { return value }
        let words = all.map(name)
        let guess = closest(text, in: words).map { "did you mean \($0)? " } ?? ""
        throw ValueError(
          "\(quoted(text)) is not known", mend: guess + "write one of \(words.joined(separator: " | "))")
      }, show: name)
  }
}

extension ValueType<Multiaddr> {
  /// An address to listen on.
  static let listenAddress = ValueType.single(
    "an address to listen on, for example /ip4/0.0.0.0/udp/9000/quic-v1",
    { text throws(ValueError) in
      let address = try readMultiaddr(text)
      do throws(DialError) {
        _ = try address.listenTarget()
      } catch {
        throw ValueError(error.detail, mend: "write /ip4/…/udp/…/quic-v1 or /ip6/…/udp/…/quic-v1")
      }
      return address
    }, show: { $0.description })

  /// An address that others can dial.
  static let dialAddress = ValueType.single(
    "an address that others can dial, for example /ip4/192.0.2.1/udp/9000/quic-v1",
    { text throws(ValueError) in
      let address = try readMultiaddr(text)
      do throws(DialError) {
        _ = try address.quicTarget()
      } catch {
        throw ValueError(error.detail, mend: "write /ip4|ip6|dns4|dns6/…/udp/…/quic-v1")
      }
      return address
    }, show: { $0.description })
}

private func readMultiaddr(_ text: String) throws(ValueError) -> Multiaddr {
  do {
    return try Multiaddr(text)
  } catch {
    throw ValueError(error.description, mend: "write for example /ip4/192.0.2.1/udp/9000/quic-v1")
  }
}

extension RawValue {
  /// For messages.
  var words: String {
    switch self {
    case .text(let text), .literal(let text): quoted(text)
    case .list(let items): "[" + items.map(\.words).joined(separator: ", ") + "]"
    case .map(let entries):
      "{" + entries.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.words)" }.joined(separator: ", ") + "}"
    }
  }
}

extension String {
  fileprivate func replacingPrefix(_ prefix: String, _ other: String) -> String {
    self.hasPrefix(prefix) ? other + self.dropFirst(prefix.count) : self
  }
}
