import Foundation
import GnuTLS
import Testing

@testable import ManagementAPI

@Suite struct StatusPageTests {
  private static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Sources/ManagementAPI/StatusPage")

  private static func source(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: Self.sources.appendingPathComponent(name)), as: UTF8.self)
  }

  @Test("the server has the page of the repository; StatusPage/embed brings it up to date") func same() throws {
    let scripts = ["dom", "api", "stream", "model", "overview", "peers", "peer", "tools", "log", "main"]
    let page = try Self.source("page.html")
      .replacingOccurrences(of: "/* style */\n", with: try Self.source("page.css"))
      .replacingOccurrences(of: "/* script */\n", with: try scripts.map { try Self.source("\($0).js") }.joined())
    #expect(StatusPageDocument.html == page)
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.sources.path)
    #expect(Set(files.filter { $0.hasSuffix(".js") }) == Set(scripts.map { "\($0).js" }))
  }

  @Test("the page is HTML and its headers let nothing run but its own script and style") func headers() async throws {
    let answer = try await ManagementAPI.fake(FakeNode()).call("GET", "/")
    #expect(answer.status == 200)
    #expect(answer.text == StatusPageDocument.html)
    #expect(answer["Content-Type"] == "text/html; charset=utf-8")
    #expect(answer["Referrer-Policy"] == "no-referrer")
    let directives = (answer["Content-Security-Policy"] ?? "").components(separatedBy: "; ")
    for directive in [
      "default-src 'none'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
      "script-src 'sha256-\(Self.hash(of: "script type=\"module\"", closedBy: "script"))'",
      "style-src 'sha256-\(Self.hash(of: "style", closedBy: "style"))'",
    ] {
      #expect(directives.contains(directive))
    }
    #expect(directives.allSatisfy { !$0.contains("unsafe") && !$0.contains("http") })
  }

  @Test("the page asks nobody else for anything") func selfContained() {
    let html = StatusPageDocument.html
    for word in ["<script src", "<link rel=\"stylesheet\"", "@import", "url(", "//cdn", "innerHTML", "document.write"] {
      #expect(!html.contains(word), "\(word)")
    }
    // Only names, of namespaces.
    let addresses = html.components(separatedBy: "http").dropFirst().filter { !$0.hasPrefix("://www.w3.org/2000/svg") }
    #expect(addresses.isEmpty)
  }

  @Test("the page needs no token, and what it shows does") func access() async throws {
    var configuration = APIConfiguration(port: 0, version: "1.2.3")
    configuration.readToken = try #require(APIToken(String(repeating: "r", count: 32)))
    let api = ManagementAPI(configuration, node: FakeNode()) { true }
    #expect(try await api.call("GET", "/").status == 200)
    #expect(try await api.call("GET", "/v1/node").code == "unauthorized")
    #expect(try await api.call("GET", "/v1/health/history").code == "unauthorized")
    #expect(try await api.call("GET", "/", host: "evil.example").code == "host_not_allowed")
  }

  /// Of what is between the tags, as a Content-Security-Policy has it.
  private static func hash(of tag: String, closedBy end: String) -> String {
    let html = StatusPageDocument.html
    guard let open = html.range(of: "<\(tag)>"),
      let close = html.range(of: "</\(end)>", range: open.upperBound..<html.endIndex)
    else { return "" }
    return base64Encode(sha256(Array(html[open.upperBound..<close.lowerBound].utf8)))
  }
}
