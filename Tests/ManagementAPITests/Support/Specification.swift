import Jansson
import MicroHTTP
import P2PCore

@testable import ManagementAPI

/// The specification, as tests ask it.
enum Specification {
  static let document = OpenAPIDocument.json

  struct Operation {
    /// `GET /v1/peers/{peer_id}`
    let name: String
    let path: String
    let object: JSON
    /// Its own and its path's, references followed.
    let parameters: [JSON]

    func parameters(in place: String) -> Set<String> {
      Set(self.parameters.filter { $0["in"]?.text == place }.compactMap { $0["name"]?.text })
    }
  }

  static let operations: [Operation] = (Self.document["paths"]?.members ?? []).flatMap { path in
    path.value.members.filter { $0.name != "parameters" }.map { method in
      Operation(
        name: "\(method.name.uppercased()) \(path.name)", path: path.name, object: method.value,
        parameters: [path.value, method.value].flatMap { $0["parameters"]?.elements ?? [] }.map { Self.resolved($0) })
    }
  }

  /// Follows a reference.
  static func resolved(_ value: JSON) -> JSON {
    guard let reference = value["$ref"]?.text else { return value }
    return reference.split(separator: "/").dropFirst().reduce(Self.document) { $0[String($1)] ?? .null }
  }

  static func schema(_ name: String) -> JSON { Self.resolved(["$ref": .string("#/components/schemas/\(name)")]) }

  /// What is wrong with an answer.
  static func faults(_ answer: Answer, to method: String, _ target: HTTPTarget?) -> [String] {
    // A HEAD is its path's GET, and OPTIONS no operation.
    let method = method == "HEAD" ? "GET" : method
    guard let target, method != "OPTIONS" else { return [] }
    let operation = Self.operations.first { operation in
      operation.name.hasPrefix("\(method) ") && Self.matches(operation.path, target.path)
    }
    let responses = operation?.object["responses"]
    var response = responses?["\(answer.status)"]
    if response == nil {
      guard answer.status >= 400 else { return ["the status \(answer.status) is not specified"] }
      response = responses?["default"] ?? ["$ref": "#/components/responses/Problem"]
    }
    let content = Self.resolved(response ?? .null)["content"]
    guard let content else { return answer.text.isEmpty ? [] : ["a body where none is specified"] }
    let type = String((answer["Content-Type"] ?? "").prefix { $0 != ";" })
    guard let media = content[type] else { return ["the type \"\(type)\" is not specified for \(answer.status)"] }
    guard type.hasSuffix("json"), let schema = media["schema"] else { return [] }
    do {
      return SchemaCheck.faults(try answer.json, schema, at: "\(method) \(target.path) \(answer.status)")
    } catch {
      return ["the body is no JSON: \(error)"]
    }
  }

  private static func matches(_ template: String, _ path: [String]) -> Bool {
    let segments = template.split(separator: "/")
    return segments.count == path.count && zip(segments, path).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
  }
}

/// As much of JSON Schema 2020-12 as the specification uses. Whatever else a schema has is a fault.
enum SchemaCheck {
  private static let annotations: Set<String> = ["description", "title", "default", "example", "examples"]

  /// Everything in `value` that is not as `schema` wants it.
  static func faults(_ value: JSON, _ schema: JSON, at place: String) -> [String] {
    var faults: [String] = []
    for member in schema.members where !Self.annotations.contains(member.name) {
      faults += Self.faults(value, member.name, member.value, schema, at: place)
    }
    return faults
  }

  private static func faults(
    _ value: JSON, _ keyword: String, _ rule: JSON, _ schema: JSON, at place: String
  ) -> [String] {
    func fault(_ isFault: Bool) -> [String] {
      isFault ? ["\(place): \(String(decoding: value.encoded(), as: UTF8.self)) breaks \(keyword)"] : []
    }
    func holds(_ other: JSON) -> Bool { Self.faults(value, other, at: place).isEmpty }
    let members = value.members
    let number = value.number
    let length = value.text?.unicodeScalars.count
    switch keyword {
    case "$ref": return Self.faults(value, Specification.resolved(schema), at: place)
    case "type":
      let types = (rule.elements + [rule]).compactMap(\.text)
      return fault(!types.contains { Self.is(value, $0) })
    case "enum": return fault(!rule.elements.contains(value))
    case "allOf": return rule.elements.flatMap { Self.faults(value, $0, at: place) }
    case "anyOf": return fault(!rule.elements.contains(where: holds))
    case "oneOf": return fault(rule.elements.count(where: holds) != 1)
    case "minimum": return fault(number.map { $0 < rule.number ?? 0 } ?? false)
    case "maximum": return fault(number.map { $0 > rule.number ?? 0 } ?? false)
    case "minLength": return fault(length.map { Double($0) < rule.number ?? 0 } ?? false)
    case "maxLength": return fault(length.map { Double($0) > rule.number ?? 0 } ?? false)
    case "minItems":
      guard case .array = value else { return [] }
      return fault(Double(value.count) < rule.number ?? 0)
    case "maxItems": return fault(Double(value.count) > rule.number ?? 0)
    case "maxProperties": return fault(Double(members.count) > rule.number ?? 0)
    case "format": return fault(!(value.text.map { Self.has($0, format: rule.text ?? "") } ?? true))
    case "pattern":
      guard let text = value.text, let pattern = rule.text else { return [] }
      do { return fault(!text.contains(try Regex(pattern))) } catch { return ["\(place): \(pattern) is no pattern"] }
    case "required":
      guard case .object = value else { return [] }
      return rule.elements.compactMap(\.text).filter { value[$0] == nil }.map { "\(place): lacks \($0)" }
    case "properties":
      return members.flatMap { member in
        rule[member.name].map { Self.faults(member.value, $0, at: "\(place).\(member.name)") } ?? []
      }
    case "propertyNames": return members.flatMap { Self.faults(.string($0.name), rule, at: "\(place).\($0.name)") }
    case "additionalProperties":
      let others = members.filter { schema["properties"]?[$0.name] == nil }
      if rule == .bool(false) { return others.map { "\(place): \($0.name) is not specified" } }
      return others.flatMap { Self.faults($0.value, rule, at: "\(place).\($0.name)") }
    case "items":
      return value.elements.enumerated().flatMap { Self.faults($0.element, rule, at: "\(place)[\($0.offset)]") }
    default: return ["\(place): the keyword \(keyword) is not checked"]
    }
  }

  private static func `is`(_ value: JSON, _ type: String) -> Bool {
    switch (value, type) {
    case (.null, "null"), (.bool, "boolean"), (.integer, "integer"), (.integer, "number"), (.double, "number"),
      (.string, "string"), (.array, "array"), (.object, "object"):
      true
    case (.double(let number), "integer"): number.rounded() == number
    default: false
    }
  }

  private static func has(_ text: String, format: String) -> Bool {
    switch format {
    case "date-time": Timestamp.parse(text) != nil
    case "peer-id": (try? PeerID(text)) != nil
    case "multiaddr": (try? Multiaddr(text)) != nil
    case "blocklist-entry": (try? BlockEntry(text)) != nil
    case "uri": text.contains(":")
    // Whatever a page gave.
    case "cursor": true
    default: false
    }
  }
}
