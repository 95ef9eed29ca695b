import Testing

@testable import P2PCore

/// Of the federation's protocol; it has no slash at its start.
private let federation = "vtcp/btc-foundation/v1.0.0"
private let header: [UInt8] = [0x13] + Array("/multistream/1.0.0\n".utf8)

private func line(_ text: String) -> [UInt8] {
  var result: [UInt8] = []
  Varint.append(UInt64(text.utf8.count + 1), to: &result)
  return result + text.utf8 + [0x0A]
}

@Suite("The side that opens a stream")
struct MultistreamInitiatorTests {
  @Test("header and proposal leave in one flight")
  func start() {
    let initiator = MultistreamInitiator(protocols: ["/ipfs/ping/1.0.0"])
    #expect(initiator.start() == header + line("/ipfs/ping/1.0.0"))
  }

  @Test("the protocol's own bytes stay in the buffer")
  func agreement() throws {
    var initiator = MultistreamInitiator(protocols: [federation])
    _ = initiator.start()
    var buffer = header + line(federation) + [1, 2, 3]
    #expect(try initiator.receive(&buffer) == .agreed(federation))
    #expect(buffer == [1, 2, 3])
  }

  @Test("an answer that comes byte by byte is the same answer")
  func byteByByte() throws {
    var initiator = MultistreamInitiator(protocols: ["/a", federation])
    _ = initiator.start()
    var buffer: [UInt8] = []
    var steps: [MultistreamInitiator.OnReceive] = []
    for byte in header + line("na") + line(federation) {
      buffer.append(byte)
      let step = try initiator.receive(&buffer)
      if step != .needMore { steps.append(step) }
    }
    #expect(steps == [.send(line(federation)), .agreed(federation)])
    #expect(buffer.isEmpty)
  }

  @Test("when all proposals are refused the error names them")
  func refusal() throws {
    var initiator = MultistreamInitiator(protocols: ["/a", "/b"])
    _ = initiator.start()
    var buffer = header + line("na")
    #expect(try initiator.receive(&buffer) == .send(line("/b")))
    buffer = line("na")
    #expect(throws: NegotiationError.unsupported(["/a", "/b"])) { try initiator.receive(&buffer) }
    #expect(NegotiationError.unsupported(["/a", "/b"]).description == "the remote supports none of /a, /b")
  }

  private static let malformed: [([UInt8], NegotiationError)] = {
    let endless = [UInt8](repeating: 0xFF, count: 40)
    var cases: [([UInt8], NegotiationError)] = []
    cases.append((line("/multistream/2.0.0"), .malformed(#"it began with "/multistream/2.0.0""#)))
    cases.append((line("GET / HTTP/1.1"), .malformed(#"it began with "GET / HTTP/1.1""#)))
    cases.append((header + line("/b"), .malformed(#"it answered "/b" to "/a""#)))
    cases.append((header + line("/ax"), .malformed(#"it answered "/ax" to "/a""#)))
    cases.append((header + [0x00], .malformed("a line of no bytes")))
    cases.append((header + [0x02, 0x2F, 0x61], .malformed("a line without a newline at its end")))
    cases.append(([0x93, 0x00], .malformed("a varint that is not in its shortest form")))
    cases.append((endless, .malformed("a varint of more than nine bytes")))
    cases.append((header + [0x81, 0x08], .tooLong))
    cases.append(([0xFF, 0xFF, 0xFF, 0xFF, 0x7F], .tooLong))
    return cases
  }()

  @Test("what is not multistream-select is refused", arguments: Self.malformed)
  func refused(input: [UInt8], error: NegotiationError) {
    var initiator = MultistreamInitiator(protocols: ["/a"])
    _ = initiator.start()
    var buffer = input
    #expect(throws: error) { try initiator.receive(&buffer) }
    #expect(!error.description.isEmpty)
  }

  @Test("names around the length where the prefix grows to two bytes", arguments: [1, 125, 126, 127, 128, 1_023])
  func lengths(count: Int) throws {
    let name = String(repeating: "x", count: count)
    var initiator = MultistreamInitiator(protocols: [name])
    #expect(initiator.start() == header + line(name))
    var buffer = header + line(name)
    #expect(try initiator.receive(&buffer) == .agreed(name))
    for other in [count - 1, count + 1] where other > 0 && other < 1_024 {
      var fresh = MultistreamInitiator(protocols: [name])
      buffer = header + line(String(repeating: "x", count: other))
      #expect(throws: NegotiationError.self) { try fresh.receive(&buffer) }
    }
  }
}

@Suite("The side that a stream is opened to")
struct MultistreamResponderTests {
  private func supports(_ name: String) -> Bool { name == federation || name == "/a" }

  @Test("header and proposal in one read get header and echo in one write")
  func oneFlight() throws {
    var responder = MultistreamResponder()
    var buffer = header + line(federation) + [9]
    #expect(
      try responder.receive(&buffer, supports: self.supports)
        == .agreed(federation, reply: header + line(federation)))
    #expect(buffer == [9])
  }

  @Test("a peer that waits for our header gets it at once")
  func headerFirst() throws {
    var responder = MultistreamResponder()
    var buffer = header
    #expect(try responder.receive(&buffer, supports: self.supports) == .send(header))
    #expect(buffer.isEmpty)
    buffer = line("/a")
    #expect(try responder.receive(&buffer, supports: self.supports) == .agreed("/a", reply: line("/a")))
  }

  @Test("proposals that come byte by byte are answered one by one")
  func byteByByte() throws {
    var responder = MultistreamResponder()
    var buffer: [UInt8] = []
    var steps: [MultistreamResponder.OnReceive] = []
    for byte in header + line("/unknown") + line("/a") {
      buffer.append(byte)
      let step = try responder.receive(&buffer, supports: self.supports)
      if step != .needMore { steps.append(step) }
    }
    #expect(steps == [.send(header), .send(line("na")), .agreed("/a", reply: line("/a"))])
  }

  @Test(
    "names that are no protocol of ours are answered with na and never asked about when they are odd",
    arguments: ["ls", "/b", "", "/a ", "/A", " /a", "/a\u{0}", "/ä", "\u{212A}", "/multistream/1.0.0"])
  func notAvailable(name: String) throws {
    var responder = MultistreamResponder()
    var buffer = header + line(name)
    let step = try responder.receive(&buffer) { asked in
      #expect(asked.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
      return asked == "/a"
    }
    #expect(step == .send(header + line("na")))
  }

  @Test("bytes that are not UTF-8 are answered with na")
  func notText() throws {
    var responder = MultistreamResponder()
    var buffer = header + [0x03, 0xC3, 0x28, 0x0A]
    #expect(try responder.receive(&buffer) { _ in true } == .send(header + line("na")))
  }

  @Test("after 100 proposals the stream is given up")
  func manyProposals() throws {
    var responder = MultistreamResponder()
    var buffer = header
    for _ in 0..<100 { buffer += line("/b") }
    let all = try responder.receive(&buffer, supports: self.supports)
    #expect(all == .send(header + (0..<100).flatMap { _ in line("na") }))
    buffer = line("/a")
    #expect(throws: NegotiationError.tooManyProposals) { try responder.receive(&buffer, supports: self.supports) }
    #expect(NegotiationError.tooManyProposals.description == "the remote proposed more than 100 protocols")
  }

  @Test("a line of ten megabytes is refused by its length alone")
  func hugeLine() throws {
    var responder = MultistreamResponder()
    var buffer = header
    Varint.append(10_000_000, to: &buffer)
    #expect(throws: NegotiationError.tooLong) { try responder.receive(&buffer, supports: self.supports) }
    #expect(NegotiationError.tooLong.description == "the remote sent a negotiation line of more than 1024 bytes")
  }

  @Test("the longest line is taken, one byte more is not")
  func longestLine() throws {
    let name = String(repeating: "x", count: 1_023)
    var responder = MultistreamResponder()
    var buffer = header + line(name)
    #expect(try responder.receive(&buffer) { $0 == name } == .agreed(name, reply: header + line(name)))
    responder = MultistreamResponder()
    buffer = header + line(name + "x")
    #expect(throws: NegotiationError.tooLong) { try responder.receive(&buffer) { _ in true } }
  }

  @Test("a stream that begins with something else is refused")
  func otherProtocol() throws {
    var responder = MultistreamResponder()
    var buffer = line("/multistream/0.9.0")
    #expect(throws: NegotiationError.malformed(#"it began with "/multistream/0.9.0""#)) {
      try responder.receive(&buffer, supports: self.supports)
    }
  }

  @Test("initiator and responder agree")
  func together() throws {
    var initiator = MultistreamInitiator(protocols: ["/x", "/y", "/a"])
    var responder = MultistreamResponder()
    var toResponder = initiator.start()
    var toInitiator: [UInt8] = []
    for _ in 0..<10 {
      switch try responder.receive(&toResponder, supports: self.supports) {
      case .needMore: break
      case .send(let bytes), .agreed(_, let bytes): toInitiator += bytes
      }
      switch try initiator.receive(&toInitiator) {
      case .needMore: break
      case .send(let bytes): toResponder += bytes
      case .agreed(let name):
        #expect(name == "/a")
        return
      }
    }
    Issue.record("no agreement")
  }
}
