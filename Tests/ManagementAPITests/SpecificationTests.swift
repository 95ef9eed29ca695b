import Foundation
import Jansson
import P2PCore
import Testing

@testable import ManagementAPI

@Suite struct SpecificationTests {
  private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("openapi/openapi.yaml")

  @Test("the server has the specification of the repository; openapi/embed brings it up to date") func same() throws {
    let file = try Data(contentsOf: Self.file)
    #expect(Data(OpenAPIDocument.yaml.utf8) == file)
  }

  @Test("the server answers with it, as YAML and as JSON") func served() async throws {
    let api = ManagementAPI.fake(FakeNode())
    let yaml = try await api.call("GET", "/openapi.yaml")
    #expect(yaml.text == OpenAPIDocument.yaml)
    #expect(yaml["Content-Type"] == "application/yaml")
    let json = try await api.call("GET", "/openapi.json")
    #expect(json["Content-Type"] == "application/json; charset=utf-8")
    #expect(try json.json == OpenAPIDocument.json)
  }

  /// Tests/API compares all of it with what another YAML parser reads.
  @Test("values of the specification keep their types and their order as JSON") func values() {
    let document = OpenAPIDocument.json
    #expect(document.members.prefix(2).map(\.name) == ["openapi", "info"])
    #expect(document["openapi"] == "3.1.0")
    let limit = document["components"]?["parameters"]?["Limit"]?["schema"]
    #expect(limit == ["type": "integer", "minimum": 1, "maximum": 1_000, "default": 100])
    #expect(document["components"]?["schemas"]?["NullableDirection"]?["enum"] == ["inbound", "outbound", nil])
    #expect(document["components"]?["schemas"]?["Node"]?["additionalProperties"] == false)
    let truth: JSON = ["true", "false"]
    let pinned = Specification.operations.first { $0.name == "GET /v1/peers" }?.parameters.first {
      $0["name"] == "pinned"
    }
    #expect(pinned?["schema"]?["items"]?["enum"] == truth)
  }

  @Test("specification and routes have the same operations and query parameters") func operations() {
    let served = ManagementAPI.fake(FakeNode()).queryParameters
    let specified = Dictionary(
      uniqueKeysWithValues: Specification.operations.map { ($0.name, $0.parameters(in: "query")) })
    #expect(specified.count > 10)
    #expect(specified == served)
  }

  @Test("what needs no token is specified so") func security() {
    let specified = Specification.operations.filter { $0.object["security"] == [[:]] }.map(\.name)
    #expect(Set(specified) == ManagementAPI.fake(FakeNode()).openOperations)
  }

  @Test("each operation has the parameters of its path, a description and a name of its own") func described() {
    var names: Set<String> = []
    for operation in Specification.operations {
      let inPath = operation.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { $0.dropFirst().dropLast() }
      #expect(operation.parameters(in: "path") == Set(inPath.map(String.init)), "\(operation.name)")
      #expect(operation.object["summary"] != nil && operation.object["tags"] != nil, "\(operation.name)")
      #expect(names.insert(operation.object["operationId"]?.text ?? "").inserted, "\(operation.name)")
      #expect(operation.object["responses"]?["default"] != nil, "\(operation.name)")
    }
  }

  @Test("closed sets of words are the same in the specification and in the code") func words() {
    func words(_ schema: String) -> [String]? { Specification.schema(schema)["enum"]?.elements.compactMap(\.text) }
    #expect(words("ProblemCode") == ProblemCode.allCases.map(\.rawValue))
    #expect(words("DialErrorClass") == DialErrorClass.allCases.map(\.rawValue))
    #expect(words("EventType") == EventHub.types)
    #expect(words("State") == LinkState.allCases.map(\.rawValue))
    #expect(words("Direction") == Direction.allCases.map(\.rawValue))
    #expect(words("CheckName") == HealthCheck.Name.allCases.map(\.rawValue))
    let table = Specification.schema("ProblemCode")["description"]?.text ?? ""
    for code in ProblemCode.allCases { #expect(table.contains("| \(code.status) | `\(code.rawValue)` |")) }
  }

  @Test("every example is as its schema wants it") func examples() {
    var count = 0
    func look(_ value: JSON, _ place: String) {
      for element in value.elements.enumerated() { look(element.element, "\(place)[\(element.offset)]") }
      for member in value.members { look(member.value, "\(place)/\(member.name)") }
      // Of a media type or a parameter: beside its schema. Of a schema: in it.
      let schema = value["schema"] ?? value
      var examples = value["example"].map { [$0] } ?? []
      examples += value["examples"]?.elements ?? []
      examples += value["schema"] == nil ? [] : (value["examples"]?.members ?? []).compactMap { $0.value["value"] }
      for example in examples {
        count += 1
        let faults = SchemaCheck.faults(example, schema, at: place)
        #expect(faults.isEmpty)
      }
    }
    look(Specification.document["paths"] ?? .null, "paths")
    look(Specification.document["components"] ?? .null, "components")
    #expect(count > 40)
  }

  @Test(
    "a value that is not as its schema wants it is found",
    arguments: [
      ("Problem", "{}"), ("CheckStatus", "\"good\""), ("PingRequest", "{\"count\":11}"),
      ("PingRequest", "{\"count\":1.5}"), ("PingRequest", "{\"counts\":1}"), ("DialRequest", "{}"),
      ("DialRequest", "{\"peer_id\":\"Qm\"}"), ("PeerRequest", "{\"name\":\"\"}"), ("NullableTime", "\"2026-01-31\""),
      ("LogLevelRequest", "{\"level\":\"info\",\"overrides\":{\"\":\"info\"}}"),
    ])
  func faulty(schema: String, value: String) throws {
    let faults = SchemaCheck.faults(try JSON(decoding: Array(value.utf8)), Specification.schema(schema), at: schema)
    #expect(!faults.isEmpty)
  }
}
