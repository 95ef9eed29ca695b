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
  private var headerReceived = false

  /// `protocols`, best first; at least one, each of at most 1,023 bytes.
  package init(protocols: [String]) {
    precondition(!protocols.isEmpty, "nothing to propose")
    self.protocols = protocols
  }

  /// Header and first proposal, to be sent in one flight with the protocol's first bytes.
  package func start() -> [UInt8] {
    Self.proposal(of: self.protocols[self.proposed])
  }

  /// The header and the proposal of `name`, of at most 1,023 bytes. A responder that takes it answers with the same.
  package static func proposal(of name: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Multistream.header.count + name.utf8.count + 3)
    bytes += Multistream.header
    Multistream.append(name, to: &bytes)
    return bytes
  }

  /// Consumes whole lines from the front of `buffer`. Call again after `.send` when more bytes have arrived.
  package mutating func receive(_ buffer: inout [UInt8]) throws(NegotiationError) -> OnReceive {
    var index = 0
    while let line = try Multistream.nextLine(buffer, at: index) {
      index = line.upperBound + 1
      if !self.headerReceived {
        guard Multistream.matches(buffer, line, Multistream.headerName) else {
          throw .malformed("it began with \(quoted(String(decoding: buffer[line], as: UTF8.self)))")
        }
        self.headerReceived = true
      } else if Multistream.matches(buffer, line, self.protocols[self.proposed]) {
        Multistream.consume(&buffer, upTo: index)
        return .agreed(self.protocols[self.proposed])
      } else if Multistream.matches(buffer, line, Multistream.notAvailableName) {
        Multistream.consume(&buffer, upTo: index)
        self.proposed += 1
        guard self.proposed < self.protocols.count else { throw .unsupported(self.protocols) }
        return .send(Multistream.line(self.protocols[self.proposed]))
      } else {
        let answer = quoted(String(decoding: buffer[line], as: UTF8.self))
        throw .malformed("it answered \(answer) to \(quoted(self.protocols[self.proposed]))")
      }
    }
    Multistream.consume(&buffer, upTo: index)
    return .needMore
  }
}
