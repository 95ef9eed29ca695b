internal import CYAML

/// One YAML 1.1 document, read whole. Anchors, aliases and tags are refused: a configuration needs none, and aliases
/// can make a small input huge.
package struct YAMLDocument: Sendable {
  package static let bytesMax = 1_048_576
  package static let depthMax = 32
  /// Most problems that are collected; further ones are left out.
  package static let problemsMax = 100

  /// Nil when the document is empty.
  package let root: YAMLNode?
  /// What can be told without giving up: keys that stand twice. The first of them counts.
  package let problems: [YAMLProblem]

  /// Throws at the first thing that makes the rest unreadable.
  package init(_ bytes: [UInt8]) throws(YAMLProblem) {
    guard bytes.count <= Self.bytesMax else {
      throw YAMLProblem(
        mark: YAMLMark(line: 1, column: 1), message: "the file has \(bytes.count) bytes, more than \(Self.bytesMax)")
    }
    // libyaml keeps the pointer, so all reading happens while the bytes stay where they are.
    let result = bytes.withUnsafeBufferPointer { input in
      Result { () throws(YAMLProblem) -> (YAMLNode?, [YAMLProblem]) in
        let reader = try EventReader(input)
        let root = try reader.readDocument()
        return (root, reader.problems)
      }
    }
    (self.root, self.problems) = try result.get()
  }
}

/// Builds nodes from libyaml's events.
private final class EventReader {
  // libyaml keeps pointers into the parser: it must not move.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private var event = yaml_event_t()
  private(set) var problems: [YAMLProblem] = []

  /// - Parameter input: must outlive the reader.
  init(_ input: UnsafeBufferPointer<UInt8>) throws(YAMLProblem) {
    self.parser = .allocate(capacity: 1)
    self.parser.initialize(to: yaml_parser_t())
    guard yaml_parser_initialize(self.parser) == 1 else {
      throw YAMLProblem(mark: YAMLMark(line: 1, column: 1), message: "libyaml has no memory")
    }
    yaml_parser_set_input_string(self.parser, input.baseAddress, input.count)
  }

  deinit {
    yaml_event_delete(&self.event)
    yaml_parser_delete(self.parser)
    self.parser.deallocate()
  }

  func readDocument() throws(YAMLProblem) -> YAMLNode? {
    // The stream begins.
    try self.advance()
    try self.advance()
    if self.event.type == YAML_STREAM_END_EVENT { return nil }
    // The document begins.
    try self.advance()
    let root = try self.readNode(depth: 1)
    // The document ends.
    try self.advance()
    try self.advance()
    guard self.event.type == YAML_STREAM_END_EVENT else {
      throw self.problem("a second document begins here; only one is read")
    }
    if root.isNull { return nil }
    return root
  }

  /// Reads the node that the current event begins; afterwards the current event is the node's last.
  private func readNode(depth: Int) throws(YAMLProblem) -> YAMLNode {
    guard depth <= YAMLDocument.depthMax else {
      throw self.problem("values are nested deeper than \(YAMLDocument.depthMax) levels")
    }
    let mark = self.mark
    switch self.event.type {
    case YAML_SCALAR_EVENT:
      return YAMLNode(mark: mark, content: try self.scalar())
    case YAML_SEQUENCE_START_EVENT:
      try self.refuse(anchor: self.event.data.sequence_start.anchor, tag: self.event.data.sequence_start.tag)
      var items: [YAMLNode] = []
      try self.advance()
      while self.event.type != YAML_SEQUENCE_END_EVENT {
        items.append(try self.readNode(depth: depth + 1))
        try self.advance()
      }
      return YAMLNode(mark: mark, content: .sequence(items))
    case YAML_MAPPING_START_EVENT:
      try self.refuse(anchor: self.event.data.mapping_start.anchor, tag: self.event.data.mapping_start.tag)
      return YAMLNode(mark: mark, content: .mapping(try self.entries(depth: depth)))
    case YAML_ALIAS_EVENT:
      throw self.problem("aliases (*name) are not read; write the value out")
    default:
      throw self.problem("a value is missing")
    }
  }

  private func entries(depth: Int) throws(YAMLProblem) -> [YAMLNode.Entry] {
    var entries: [YAMLNode.Entry] = []
    var lines: [String: Int] = [:]
    try self.advance()
    while self.event.type != YAML_MAPPING_END_EVENT {
      let keyMark = self.mark
      guard self.event.type == YAML_SCALAR_EVENT, case .scalar(let key, _) = try self.scalar() else {
        throw self.problem("a key must be a single word")
      }
      try self.advance()
      let value = try self.readNode(depth: depth + 1)
      if let line = lines[key] {
        if self.problems.count < YAMLDocument.problemsMax {
          self.problems.append(
            YAMLProblem(mark: keyMark, message: "the key \"\(key)\" stands already in line \(line); remove one"))
        }
      } else {
        lines[key] = keyMark.line
        entries.append(YAMLNode.Entry(key: key, keyMark: keyMark, value: value))
      }
      try self.advance()
    }
    return entries
  }

  private func scalar() throws(YAMLProblem) -> YAMLNode.Content {
    let scalar = self.event.data.scalar
    try self.refuse(anchor: scalar.anchor, tag: scalar.tag)
    let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
    return .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
  }

  private func refuse(
    anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?
  ) throws(YAMLProblem) {
    if anchor != nil { throw self.problem("anchors (&name) are not read; remove it") }
    if tag != nil { throw self.problem("tags (!name) are not read; remove it") }
  }

  private func advance() throws(YAMLProblem) {
    yaml_event_delete(&self.event)
    guard yaml_parser_parse(self.parser, &self.event) == 1 else {
      let parser = self.parser.pointee
      let message = parser.problem.map { String(cString: $0) } ?? "libyaml has no memory"
      let context =
        parser.context.map { "\(String(cString: $0)) from line \(Self.mark(parser.context_mark).line) on: " } ?? ""
      // The reader of characters gives an offset instead of a place.
      let isReader = parser.error == YAML_READER_ERROR
      let mark = isReader ? parser.mark : parser.problem_mark
      throw YAMLProblem(mark: Self.mark(mark), message: "not YAML: \(context)\(message)")
    }
  }

  private var mark: YAMLMark { Self.mark(self.event.start_mark) }

  private func problem(_ message: String) -> YAMLProblem { YAMLProblem(mark: self.mark, message: message) }

  private static func mark(_ mark: yaml_mark_t) -> YAMLMark {
    YAMLMark(line: Int(clamping: mark.line) &+ 1, column: Int(clamping: mark.column) &+ 1)
  }
}
