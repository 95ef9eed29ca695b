import Testing

@testable import Jansson

@Suite struct JSONWriterTests {
  private func text(_ write: (inout JSONWriter) -> Void) -> String {
    String(decoding: JSONWriter.text(write), as: UTF8.self)
  }

  @Test("commas stand between values and members and nowhere else") func commas() {
    let text = self.text { json in
      json.object { json in
        json.member("empty", .array([]))
        json.name("none")
        json.object { _ in }
        json.name("list")
        json.array { json in
          json.put(1)
          json.array { _ in }
          json.object { $0.member("a", ["b": nil, "c": "\"d\""]) }
          json.plainString(3) { bytes in
            for place in 0..<3 { bytes[place] = UInt8(ascii: "e") }
            return 3
          }
        }
        json.member("last", true)
      }
    }
    #expect(text == #"{"empty":[],"none":{},"list":[1,[],{"a":{"b":null,"c":"\"d\""}},"eee"],"last":true}"#)
  }

  @Test("a string that is written in place is whole wherever the piece of memory ends")
  func boundaries() throws {
    for before in (JSONWriter.pieceBytes - 40)...(JSONWriter.pieceBytes + 2) {
      let filler = String(repeating: "x", count: before)
      let text = self.text { json in
        json.array { json in
          json.put(.string(filler))
          json.plainString(24) { bytes in
            for place in 0..<24 { bytes[place] = UInt8(ascii: "y") }
            return 24
          }
        }
      }
      #expect(text == "[\"\(filler)\",\"\(String(repeating: "y", count: 24))\"]")
    }
  }
}
