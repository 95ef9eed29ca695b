import Testing

@testable import YAML

@Suite struct YAMLDocumentTests {
  private static func document(_ text: String) throws(YAMLProblem) -> YAMLDocument {
    try YAMLDocument(Array(text.utf8))
  }

  /// Why `text` is refused; nil when it is not.
  private static func refusal(_ text: String) -> YAMLProblem? {
    do {
      _ = try YAMLDocument(Array(text.utf8))
      return nil
    } catch {
      return error
    }
  }

  /// The node without its places.
  private static func plain(_ node: YAMLNode?) -> String {
    switch node?.content {
    case nil: "nothing"
    case .scalar(let text, let isPlain): isPlain ? text : "'\(text)'"
    case .sequence(let items): "[" + items.map { Self.plain($0) }.joined(separator: ", ") + "]"
    case .mapping(let entries):
      "{" + entries.map { "\($0.key): " + Self.plain($0.value) }.joined(separator: ", ") + "}"
    }
  }

  @Test(
    "Documents are read to trees",
    arguments: [
      ("", "nothing"), ("# only a comment\n", "nothing"), ("---\n", "nothing"), ("a: 1", "{a: 1}"),
      ("a:\n  b: [x, \"y\", 'z']\n  c:\n", "{a: {b: [x, 'y', 'z'], c: }}"), ("- 1\n- {k: v}\n", "[1, {k: v}]"),
      ("t: |\n  one\n  two\n", "{t: 'one\ntwo\n'}"), ("é: 日本", "{é: 日本}"), ("%YAML 1.1\n---\na: b\n...\n", "{a: b}"),
    ])
  func trees(text: String, tree: String) throws {
    let document = try Self.document(text)
    #expect(Self.plain(document.root) == tree)
    #expect(document.problems.isEmpty)
  }

  @Test("Keys and values know their places")
  func places() throws {
    let document = try Self.document("a: 1\nb:\n  - x\n  -   yy\n")
    guard case .mapping(let entries)? = document.root?.content, entries.count == 2,
      case .sequence(let items) = entries[1].value.content
    else {
      Issue.record("another tree")
      return
    }
    #expect(entries[0].keyMark == YAMLMark(line: 1, column: 1))
    #expect(entries[0].value.mark == YAMLMark(line: 1, column: 4))
    #expect(entries[1].keyMark == YAMLMark(line: 2, column: 1))
    #expect(items[0].mark == YAMLMark(line: 3, column: 5))
    #expect(items[1].mark == YAMLMark(line: 4, column: 7))
  }

  @Test("Nothing is told apart from text that looks like it", arguments: ["", "~", "null"])
  func null(text: String) throws {
    guard case .mapping(let entries)? = try Self.document("a: \(text)\nb: \"\(text)\"").root?.content else {
      Issue.record("no mapping")
      return
    }
    #expect(entries.map(\.value.isNull) == [true, false])
  }

  @Test(
    "What cannot be read is refused at its place",
    arguments: [
      ("a: [1", 2, "flow sequence from line 1 on"), ("a: 1\n b: 2", 2, "not YAML"), ("\ta: 1", 1, "not YAML"),
      ("a: 1\nb: *x", 2, "aliases"),
      ("a: &x 1", 1, "anchors"), ("a: &x [1]", 1, "anchors"), ("a: &x {b: 1}", 1, "anchors"), ("&x a: 1", 1, "anchors"),
      ("a: !!int 1", 1, "tags"), ("a: 1\n---\nb: 2", 2, "second document"), ("? [a]\n: 1", 1, "single word"),
      ("a: \"\\q\"", 1, "not YAML"), ("a: b\u{0}", 1, "not YAML"), ("a: @b", 1, "not YAML"),
    ])
  func refusals(text: String, line: Int, words: String) throws {
    let problem = try #require(Self.refusal(text))
    #expect(problem.mark.line == line, "\(problem)")
    #expect(problem.message.contains(words), "\(problem)")
  }

  @Test("Bytes that are no UTF-8 are refused")
  func encoding() {
    #expect(throws: YAMLProblem.self) { try YAMLDocument([0x61, 0x3a, 0x20, 0xff, 0xfe, 0xfd]) }
  }

  @Test("All duplicate keys are told, and the first counts")
  func duplicates() throws {
    let document = try Self.document("a: 1\nb: {c: 1, c: 2}\na: 2\n")
    #expect(document.problems.map(\.mark.line) == [2, 3])
    #expect(document.problems.allSatisfy { $0.message.contains("stands already in line") })
    #expect(Self.plain(document.root) == "{a: 1, b: {c: 1}}")
  }

  @Test("Duplicate keys without end are counted no further")
  func manyDuplicates() throws {
    let document = try Self.document(String(repeating: "a: 1\n", count: 1_000))
    #expect(document.problems.count == YAMLDocument.problemsMax)
  }

  @Test("Depth is limited")
  func depth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(throws: Never.self) { try Self.document(nested(YAMLDocument.depthMax)) }
    for depth in [YAMLDocument.depthMax + 1, 100_000] {
      let problem = try #require(Self.refusal(nested(depth)))
      #expect(problem.message.contains("nested deeper"))
    }
  }

  @Test("Size is limited")
  func size() throws {
    let problem = try #require(Self.refusal(String(repeating: "#", count: YAMLDocument.bytesMax + 1)))
    #expect(problem.message.contains("more than"))
    #expect(throws: Never.self) {
      try YAMLDocument(.init(repeating: UInt8(ascii: "#"), count: YAMLDocument.bytesMax))
    }
  }

  @Test("Random bytes never crash the reader")
  func fuzz() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var state = seed
    let alphabet = Array("ab: -[]{},\n\n  #'\"|>&*!?%@\\~0".utf8)
    var read = 0
    for _ in 0..<5_000 {
      var bytes: [UInt8] = []
      for _ in 0..<40 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes.append(alphabet[Int(state >> 33) % alphabet.count])
      }
      if case .success = Result(catching: { try YAMLDocument(bytes) }) { read += 1 }
    }
    #expect(read > 0 && read < 5_000, "seed \(seed)")
  }
}
