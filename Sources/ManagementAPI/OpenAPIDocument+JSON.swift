internal import Jansson
internal import YAML

extension OpenAPIDocument {
  /// The same as a JSON value, members in their order.
  static let json: JSON = {
    do throws(YAMLProblem) {
      let document = try YAMLDocument(Array(Self.yaml.utf8))
      if let problem = document.problems.first { throw problem }
      return document.root.map { Self.value($0) } ?? .null
    } catch {
      // A test reads it, so only we can cause this.
      preconditionFailure("openapi/openapi.yaml: \(error)")
    }
  }()

  /// `json` as `GET /openapi.json` answers it.
  static let jsonText = Self.json.encoded(terminator: UInt8(ascii: "\n"))

  private static func value(_ node: YAMLNode) -> JSON {
    switch node.content {
    case .sequence(let nodes): .array(nodes.map { Self.value($0) })
    case .mapping(let entries): .object(JSON.Object(entries.map { .init($0.key, Self.value($0.value)) }))
    case .scalar(let text, let isPlain): isPlain ? Self.plain(text, node) : .string(text)
    }
  }

  /// The core schema (YAML 1.2 §10.3.2), as far as JSON has it.
  private static func plain(_ text: String, _ node: YAMLNode) -> JSON {
    if node.isNull { return .null }
    if text == "true" || text == "false" { return .bool(text == "true") }
    guard text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }) else { return .string(text) }
    return Int64(text).map(JSON.integer) ?? Double(text).map(JSON.double) ?? .string(text)
  }
}
