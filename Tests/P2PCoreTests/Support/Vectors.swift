import Foundation
import Testing

/// Reads `Vectors/<name>.json` of the test bundle.
func loadVectors<Content: Decodable>(_ name: String) throws -> Content {
  let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Vectors"))
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return try decoder.decode(Content.self, from: Data(contentsOf: url))
}

func bytes(hex: String) -> [UInt8] {
  var result: [UInt8] = []
  var high: UInt8?
  for character in hex {
    guard let digit = character.hexDigitValue.map({ UInt8($0) }) else { preconditionFailure("not hex: \(hex)") }
    if let first = high {
      result.append(first << 4 | digit)
      high = nil
    } else {
      high = digit
    }
  }
  precondition(high == nil, "an odd number of digits")
  return result
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
