import Foundation
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

  @Test("the server answers with it") func served() async throws {
    let answer = try await ManagementAPI.fake(FakeNode()).call("GET", "/openapi.yaml")
    #expect(answer.text == OpenAPIDocument.yaml)
    #expect(answer["Content-Type"] == "application/yaml")
  }

  @Test("specification and routes have the same operations") func operations() {
    var specified: Set<String> = []
    var path = ""
    for line in Self.section("paths:") {
      if line.hasPrefix("  /") {
        path = String(line.dropFirst(2).dropLast())
      } else if let method = ["get", "put", "post", "delete", "patch"].first(where: { line == "    \($0):" }) {
        specified.insert("\(method.uppercased()) \(path)")
      }
    }
    #expect(specified.count > 10)
    let served = Set(ManagementAPI.fake(FakeNode()).operations.map { "\($0.method) \($0.path)" })
    #expect(served.subtracting(specified).isEmpty, "served and not specified")
    #expect(specified.subtracting(served).isEmpty, "specified and not served")
  }

  @Test("specification and routes have the same query parameters") func parameters() {
    let router = ManagementAPI.fake(FakeNode()).queryParameters
    var specified: [String: Set<String>] = [:]
    let shared = ["State": "state", "Direction": "direction", "Limit": "limit", "Cursor": "cursor"]
    var operation = ""
    var path = ""
    var name = ""
    for line in Self.section("paths:") {
      let words = line.split(separator: " ")
      if line.hasPrefix("  /") {
        path = String(line.dropFirst(2).dropLast())
      } else if let method = ["get", "put", "post", "delete"].first(where: { line == "    \($0):" }) {
        operation = "\(method.uppercased()) \(path)"
        specified[operation] = []
      } else if words.count == 3, words[0] == "-", words[1] == "name:" {
        name = String(words[2])
      } else if words == ["in:", "query"] {
        specified[operation]?.insert(name)
      } else if let reference = shared.first(where: { line.hasSuffix("#/components/parameters/\($0.key)\"") }) {
        specified[operation]?.insert(reference.value)
      }
    }
    #expect(specified == router)
  }

  @Test("closed sets of words are the same in the specification and in the code") func words() {
    #expect(Self.words("ProblemCode") == ProblemCode.allCases.map(\.rawValue))
    #expect(Self.words("DialErrorClass") == DialErrorClass.allCases.map(\.rawValue))
    #expect(Self.words("EventType") == EventHub.types)
    #expect(Self.words("State") == LinkState.allCases.map(\.rawValue))
    #expect(Self.words("CheckName") == HealthCheck.Name.allCases.map(\.rawValue))
    for code in ProblemCode.allCases {
      #expect(OpenAPIDocument.yaml.contains("| \(code.status) | `\(code.rawValue)` |"))
    }
  }

  // MARK: Enough YAML for this one file

  private static let lines = OpenAPIDocument.yaml.split(separator: "\n", omittingEmptySubsequences: false).map(
    String.init)

  private static func section(_ head: String) -> ArraySlice<String> {
    let rest = self.lines.drop { $0 != head }.dropFirst()
    return rest.prefix { $0.isEmpty || $0.hasPrefix(" ") }
  }

  /// The words of a schema's `enum`, in one line or in a list.
  private static func words(_ schema: String) -> [String] {
    let schemas = self.lines.drop { $0 != "  schemas:" }
    let body = schemas.drop { $0 != "    \(schema):" }.dropFirst().prefix { $0.hasPrefix("     ") || $0.isEmpty }
    guard let head = body.first(where: { $0.hasPrefix("      enum:") }) else { return [] }
    if let open = head.firstIndex(of: "[") {
      return head[head.index(after: open)...].dropLast().split(separator: ",")
        .map { $0.trimmingCharacters(in: .whitespaces) }
    }
    return body.drop { $0 != head }.dropFirst().prefix { $0.hasPrefix("        - ") }.map { String($0.dropFirst(10)) }
  }
}
