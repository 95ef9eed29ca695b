/// Memory that remotes may fill before we read, over all connections of an endpoint: each reserves the most that its
/// window allows when it begins. While there is plenty it is a wide window, then a narrow one, then none.
struct BufferBudget {
  /// Bytes.
  let limit: UInt64
  let wide: UInt64
  let narrow: UInt64
  private(set) var reserved: UInt64 = 0

  /// The window of the next connection; nil when there is none left.
  var next: UInt64? {
    if self.reserved + self.wide <= self.limit / 2 { return self.wide }
    return self.reserved + self.narrow <= self.limit ? self.narrow : nil
  }

  mutating func reserve(_ bytes: UInt64) { self.reserved += bytes }

  mutating func release(_ bytes: UInt64) { self.reserved -= min(bytes, self.reserved) }
}
