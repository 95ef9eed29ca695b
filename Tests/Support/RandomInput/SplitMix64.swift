internal import Foundation

/// Seed of all randomized tests of this run. It is printed once; `FEDNODE_TEST_SEED` repeats a run.
package let testSeed: UInt64 = {
  let given = ProcessInfo.processInfo.environment["FEDNODE_TEST_SEED"].flatMap { UInt64($0) }
  let seed = given ?? UInt64.random(in: 0...UInt64.max)
  print("Randomized tests: FEDNODE_TEST_SEED=\(seed)")
  return seed
}()

/// A small generator whose run can be repeated from its seed.
package struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { self.state = seed }

  package mutating func next() -> UInt64 {
    self.state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = self.state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  package mutating func bytes(_ count: Int) -> [UInt8] {
    (0..<count).map { _ in UInt8(truncatingIfNeeded: self.next()) }
  }

  /// `bytes` with one to four of them changed, removed, doubled or cut off.
  package mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    for _ in 0..<Int.random(in: 1...4, using: &self) {
      guard !result.isEmpty else { return self.bytes(4) }
      let index = Int.random(in: 0..<result.count, using: &self)
      switch Int.random(in: 0..<6, using: &self) {
      case 0: result[index] ^= 1 << UInt8.random(in: 0..<8, using: &self)
      case 1: result[index] = UInt8.random(in: 0...255, using: &self)
      case 2: result[index] = [0x00, 0x01, 0x7F, 0x80, 0xFF, 0x2F].randomElement(using: &self) ?? 0
      case 3: result.remove(at: index)
      case 4: result.insert(contentsOf: self.bytes(Int.random(in: 1...3, using: &self)), at: index)
      default: result.removeLast(result.count - index)
      }
    }
    return result
  }
}
