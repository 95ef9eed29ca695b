extension [UInt8] {
  /// As `starts(with:)`, which goes through iterators.
  package func begins(with prefix: [UInt8]) -> Bool {
    guard prefix.count <= self.count else { return false }
    return self.withUnsafeBufferPointer { bytes in
      prefix.withUnsafeBufferPointer { prefix in
        for index in 0..<prefix.count where bytes[index] != prefix[index] { return false }
        return true
      }
    }
  }
}
