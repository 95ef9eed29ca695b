/// The side that a stream was opened to: answers proposals until one is supported.
package struct MultistreamResponder: Sendable {
  package enum OnReceive: Sendable, Hashable {
    /// Nothing to do until more bytes arrive.
    case needMore
    /// Send this; nothing is agreed on yet.
    case send([UInt8])
    /// Send `reply`; both sides speak this protocol from there on. What follows in the buffer is the protocol's own.
    case agreed(String, reply: [UInt8])
  }

  private var headerReceived = false
  private var proposals = 0

  package init() {}

  /// Consumes whole lines from the front of `buffer`. `supports` is asked about names of printable ASCII only;
  /// all others are answered with `na`, and so is the old `ls`.
  package mutating func receive(
    _ buffer: inout [UInt8], supports: (String) -> Bool
  ) throws(NegotiationError) -> OnReceive {
    var index = 0
    var reply: [UInt8] = []
    while let line = try Multistream.nextLine(buffer, at: index) {
      let lineStart = index
      index = line.upperBound + 1
      guard self.headerReceived else {
        guard Multistream.matches(buffer, line, Multistream.headerName) else {
          throw .malformed("it began with \(quoted(String(decoding: buffer[line], as: UTF8.self)))")
        }
        self.headerReceived = true
        reply.reserveCapacity(Multistream.header.count + buffer.count - index)
        reply += Multistream.header
        continue
      }
      self.proposals += 1
      guard self.proposals <= Multistream.proposalsMaximum else { throw .tooManyProposals }
      if let name = Self.name(buffer, line), supports(name) {
        // The answer to a proposal is the proposal.
        reply += buffer[lineStart..<index]
        Multistream.consume(&buffer, upTo: index)
        return .agreed(name, reply: reply)
      }
      reply += Multistream.notAvailable
    }
    Multistream.consume(&buffer, upTo: index)
    return reply.isEmpty ? .needMore : .send(reply)
  }

  /// The proposed name; nil when it is none that any protocol has.
  private static func name(_ buffer: [UInt8], _ line: Range<Int>) -> String? {
    guard !line.isEmpty else { return nil }
    for index in line where buffer[index] <= 0x20 || buffer[index] >= 0x7F { return nil }
    return String(decoding: buffer[line], as: UTF8.self)
  }
}
