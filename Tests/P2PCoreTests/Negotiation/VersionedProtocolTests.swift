import Testing

@testable import P2PCore

private func version(_ text: String) throws -> SemanticVersion { try #require(SemanticVersion(text)) }
private func versions(_ texts: [String]) throws -> [SemanticVersion] { try texts.map(version) }

@Suite("Semantic versions")
struct SemanticVersionTests {
  @Test("three numbers are a version and come out as they went in", arguments: ["0.0.0", "1.3.0", "10.20.999999"])
  func texts(text: String) throws { #expect(try version(text).description == text) }

  @Test(
    "anything else is none",
    arguments: [
      "", ".", "..", "1", "1.0", "1.0.", ".1.0", "1..0", "1.0.0.0", "1.0.0.", "01.0.0", "1.00.0", "1.0.0-rc1",
      "1.0.0+x", "v1.0.0", " 1.0.0", "1.0.0\n", "+1.0.0", "-1.0.0", "1000000.0.0",
      "1.0.18446744073709551616", "١.٠.٠", "1,0,0",
    ])
  func refused(text: String) { #expect(SemanticVersion(text) == nil) }

  @Test("order is by number, place by place")
  func order() throws {
    let sorted = try versions(["0.9.9", "1.0.0", "1.0.10", "1.2.0", "1.10.0", "2.0.0"])
    #expect(Array(sorted.reversed()).sorted() == sorted)
  }
}

@Suite("A protocol in several versions")
struct VersionedProtocolTests {
  private static let name = "vtcp/btc-foundation"

  private static func spoken(_ texts: [String]) throws -> VersionedProtocol {
    VersionedProtocol(name: self.name, versions: try versions(texts))
  }

  @Test("ids are proposed best first, one for each major and minor")
  func ids() throws {
    let ours = try Self.spoken(["1.0.0", "2.0.1", "1.3.0", "1.3.2", "1.10.0"])
    #expect(
      ours.ids == [
        "vtcp/btc-foundation/v2.0.1", "vtcp/btc-foundation/v1.10.0", "vtcp/btc-foundation/v1.3.2",
        "vtcp/btc-foundation/v1.0.0",
      ])
  }

  struct Acceptance: Sendable, CustomTestStringConvertible {
    let id: String
    /// As the id says; nil for another protocol.
    let said: String?
    let accepted: String?

    init(_ id: String, _ said: String?, _ accepted: String?) {
      self.id = id
      self.said = said
      self.accepted = accepted
    }
    var testDescription: String { self.id.debugDescription }
  }

  private static let acceptances: [Acceptance] = [
    Acceptance("vtcp/btc-foundation/v1.0.0", "1.0.0", "1.0.4"),
    Acceptance("vtcp/btc-foundation/v1.0.4", "1.0.4", "1.0.4"),
    Acceptance("vtcp/btc-foundation/v1.0.9", "1.0.9", "1.0.4"),
    Acceptance("vtcp/btc-foundation/v1.3.0", "1.3.0", "1.3.0"),
    Acceptance("vtcp/btc-foundation/v1.1.0", "1.1.0", nil),
    Acceptance("vtcp/btc-foundation/v2.0.0", "2.0.0", nil),
    Acceptance("vtcp/btc-foundation/v1.0", nil, nil),
    Acceptance("vtcp/btc-foundation/v1.0.0-rc1", nil, nil),
    Acceptance("vtcp/btc-foundation/v01.0.0", nil, nil),
    Acceptance("vtcp/btc-foundation/1.0.0", nil, nil),
    Acceptance("/vtcp/btc-foundation/v1.0.0", nil, nil),
    Acceptance("vtcp/btc-foundation2/v1.0.0", nil, nil),
    Acceptance("vtcp/btc-foundation/v", nil, nil),
    Acceptance("vtcp/btc-foundation", nil, nil),
    Acceptance("/ipfs/ping/1.0.0", nil, nil),
    Acceptance("", nil, nil),
  ]

  @Test("an id of our major and minor is accepted, whatever its patch", arguments: Self.acceptances)
  func acceptance(row: Acceptance) throws {
    let ours = try Self.spoken(["1.0.4", "1.3.0"])
    #expect(ours.version(ofID: row.id)?.description == row.said)
    #expect(ours.accepts(row.id)?.description == row.accepted)
  }

  struct Meeting: Sendable, CustomTestStringConvertible {
    let ours: [String]
    let theirs: [String]
    let best: String?

    init(_ ours: [String], _ theirs: [String], _ best: String?) {
      self.ours = ours
      self.theirs = theirs
      self.best = best
    }
    var testDescription: String { "\(self.ours) and \(self.theirs)" }
  }

  private static let meetings: [Meeting] = [
    Meeting(["1.0.0"], ["1.0.0"], "1.0.0"),
    Meeting(["1.0.0"], ["1.0.0", "1.1.0", "1.2.0", "1.3.0"], "1.0.0"),
    Meeting(["1.0.0", "1.1.0", "1.2.0", "1.3.0"], ["1.0.0"], "1.0.0"),
    Meeting(["1.0.0", "1.3.0"], ["1.3.0", "1.0.0", "1.4.0"], "1.3.0"),
    // Two majors side by side: the higher one counts, even where the lower has more minors.
    Meeting(["1.9.0", "2.0.0"], ["1.9.0", "2.0.0"], "2.0.0"),
    Meeting(["1.9.0", "2.1.0"], ["1.9.0", "2.0.0"], "1.9.0"),
    Meeting(["1.2.0", "1.10.0"], ["1.2.0", "1.10.0"], "1.10.0"),
    Meeting(["1.0.5"], ["1.0.1"], "1.0.5"),
    Meeting(["1.0.0"], ["2.0.0"], nil),
    Meeting(["1.1.0"], ["1.0.0"], nil),
    Meeting(["1.0.0"], [], nil),
  ]

  @Test("the best in common has the highest major, then the highest minor", arguments: Self.meetings)
  func meeting(row: Meeting) throws {
    #expect(try Self.spoken(row.ours).best(inCommonWith: versions(row.theirs))?.description == row.best)
  }
}
