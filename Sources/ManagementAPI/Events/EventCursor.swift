/// Where a client goes on, by `Last-Event-ID` or `since`.
enum EventCursor: Sendable, Equatable {
  /// `0`: with a snapshot.
  case snapshot
  /// Behind this event of this run of the node.
  case after(UInt64)
  /// Behind an event of another run.
  case foreign

  /// Nil for what is no cursor: `0`, or the id of an event, which is the boot id, `-` and a number.
  init?(_ text: String, bootID: String) {
    if text == "0" {
      self = .snapshot
      return
    }
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, (1...Self.bootIDBytesMax).contains(parts[0].utf8.count),
      parts[0].utf8.allSatisfy({ ("0"..."9").contains(Unicode.Scalar($0)) || ("a"..."z").contains(Unicode.Scalar($0)) }
      ),
      let number = UInt64(parts[1]), !parts[1].hasPrefix("+")
    else { return nil }
    self = parts[0] == bootID ? .after(number) : .foreign
  }

  /// Other builds may make longer ones than this.
  private static let bootIDBytesMax = 64
}
