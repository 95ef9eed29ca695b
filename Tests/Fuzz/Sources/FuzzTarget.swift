/// A decoder and what must hold for whatever it is given. A broken rule traps; libFuzzer keeps the input.
struct FuzzTarget: Sendable {
  /// `multiaddr-text`, the folder of its corpus.
  let name: String
  /// Longest input that is worth trying, bytes.
  let lengthMax: Int
  let run: @Sendable ([UInt8]) -> Void

  init(_ name: String, lengthMax: Int = 4_096, _ run: @escaping @Sendable ([UInt8]) -> Void) {
    self.name = name
    self.lengthMax = lengthMax
    self.run = run
  }

  static let all =
    addressTargets + identityTargets + wireTargets + negotiationTargets + interfaceTargets
    + federationTargets
}

/// The value, or nil for bytes that are refused, as most are.
func accepted<Value, Failure: Error>(_ decode: () throws(Failure) -> Value) -> Value? {
  do { return try decode() } catch { return nil }
}

/// The value of bytes that must not be refused, because this node wrote them.
func own<Value, Failure: Error>(_ what: String, _ decode: () throws(Failure) -> Value) -> Value {
  do { return try decode() } catch { fatalError("\(what): what was written is refused: \(error)") }
}

/// Stops at a rule that does not hold.
func hold(_ rule: Bool, _ what: @autoclosure () -> String) {
  if !rule { fatalError("broken: \(what())") }
}

/// Text from bytes, as a front end hands it on; nil for what is no UTF-8.
func text(_ bytes: [UInt8]) -> String? { String(validating: bytes, as: UTF8.self) }

extension [UInt8] {
  /// In pieces as a slow sender writes them: the first byte chooses their length.
  var pieces: (whole: [UInt8], parts: [[UInt8]]) {
    guard let first = self.first else { return ([], []) }
    let whole = Array(self.dropFirst())
    let length = 1 + Int(first) % 16
    return (
      whole,
      stride(from: 0, to: whole.count, by: length).map { Array(whole[$0..<Swift.min($0 + length, whole.count)]) }
    )
  }
}
