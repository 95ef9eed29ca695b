import Testing

@testable import MicroHTTP

@Suite struct HTTPTargetTests {
  @Test(
    "a target is split first and decoded then",
    arguments: [
      ("/", HTTPTarget(path: [])), ("/v1/peers", HTTPTarget(path: ["v1", "peers"])),
      ("/a%2Fb/%c3%A9", HTTPTarget(path: ["a/b", "é"])), ("/a/", HTTPTarget(path: ["a", ""])),
      ("//a", HTTPTarget(path: ["", "a"])), ("/a+b", HTTPTarget(path: ["a+b"])),
      (
        "/a?x=1&y=a+b%2B&x=2&flag&e=&&k=a=b",
        HTTPTarget(
          path: ["a"],
          query: [
            .init(name: "x", value: "1"), .init(name: "y", value: "a b+"), .init(name: "x", value: "2"),
            .init(name: "flag", value: ""), .init(name: "e", value: ""), .init(name: "k", value: "a=b"),
          ])
      ), ("/?", HTTPTarget(path: [])), ("/a?b?c=/", HTTPTarget(path: ["a"], query: [.init(name: "b?c", value: "/")])),
      ("http://h:1/p?q=1", HTTPTarget(path: ["p"], query: [.init(name: "q", value: "1")], authority: "h:1")),
      ("HTTP://h", HTTPTarget(path: [], authority: "h")),
    ])
  func splitsThenDecodes(text: String, target: HTTPTarget) throws {
    #expect(try HTTPTarget(parsing: text) == target)
  }

  @Test(
    "a target that is no path or does not decode is refused",
    arguments: [
      "", "a", "*", "/%", "/%1", "/%zz", "/a?b=%", "/%ff", "/%00", "/a?%C0%80", "ftp://h/", "/?a=%ed%a0%80", "/a b",
      "/\u{7F}", "/é", "/?a=\u{FFFD}",
    ])
  func refuses(text: String) {
    #expect(throws: HTTPTargetError.self) { try HTTPTarget(parsing: text) }
  }

  @Test("header names have no case") func headerNames() {
    let headers = HTTPHeaders([("Host", "a"), ("X-A", "1"), ("x-a", "2")])
    #expect(headers["HOST"] == "a")
    #expect(headers.all("X-a") == ["1", "2"])
    #expect(headers["X"] == nil)
  }
}
