/// The side that opened a stream: proposes protocols one after the other until the remote takes one.
package struct MultistreamInitiator: Sendable {
  package enum OnReceive: Sendable, Hashable {
    /// Nothing to do until more bytes arrive.
    case needMore
    /// Send this; the remote did not take the last proposal.
    case send([UInt8])
    /// Both sides speak this protocol from here on. What follows in the buffer is the protocol's own.
    case agreed(String)
  }

  private let protocols: [String]
  /// Index in `protocols` of the proposal that is on its way.
  private var proposed = 0
  /// The line of that proposal.
  private var proposal: [UInt8]
  private var headerReceived = false

  /// `protocols`, best first; at least one, each of at most 1,023 bytes.
  package init(protocols: [String]) {
    precondition(!protocols.isEmpty, "nothing to propose")
    self.protocols = protocols
    self.proposal = Multistream.line(protocols[0])
  }

  /// Header and first proposal, to be sent in one flight with the protocol's first bytes.
  package mutating func start() -> [UInt8] { Multistream.header + self.proposal }

  /// Consumes whole lines from the front of `buffer`. Call again after `.send` when more bytes have arrived.
  package mutating func receive(_ buffer: inout [UInt8]) throws(NegotiationError) -> OnReceive {
    var index = 0
    while let line = try Multistream.nextLine(buffer, at: index) {
      index = line.upperBound + 1
      if !self.headerReceived {
        guard Multistream.matches(buffer, line, Multistream.header) else {
          throw .malformed("it began with \(quoted(String(decoding: buffer[line], as: UTF8.self)))")
        }
        self.headerReceived = true
      } else if Multistream.matches(buffer, line, self.proposal) {
        Multistream.consume(&buffer, upTo: index)
        return .agreed(self.protocols[self.proposed])
      } else if Multistream.matches(buffer, line, Multistream.notAvailable) {
        Multistream.consume(&buffer, upTo: index)
        self.proposed += 1
        guard self.proposed < self.protocols.count else { throw .unsupported(self.protocols) }
        self.proposal = Multistream.line(self.protocols[self.proposed])
        return .send(self.proposal)
      } else {
        let answer = quoted(String(decoding: buffer[line], as: UTF8.self))
        throw .malformed("it answered \(answer) to \(quoted(self.protocols[self.proposed]))")
      }
    }
    Multistream.consume(&buffer, upTo: index)
    return .needMore
  }
}
