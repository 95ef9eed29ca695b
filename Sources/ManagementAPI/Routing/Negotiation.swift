/// Content negotiation (RFC 9110 §12.5.1).
enum Negotiation {
  /// The one of `types` that the header wants most; of those that it wants alike the one that it names by itself, then
  /// the first.
  static func choose(from types: [String], accept: [String]) throws(Problem) -> String {
    let ranges = accept.flatMap { $0.split(separator: ",") }.map(Self.range)
    guard let first = types.first else { return MediaType.json }
    if ranges.isEmpty { return first }
    var best: (type: String, quality: Double, isNamed: Bool)?
    for type in types {
      let group = String(type.prefix { $0 != "/" }) + "/*"
      let mostSpecific = [type, group, "*/*"].lazy.compactMap { name in ranges.first { $0.type == name } }.first
      guard let range = mostSpecific, range.quality > 0 else { continue }
      // `Accept: application/json, */*` asks for JSON.
      let isNamed = range.type == type
      if best.map({ ($0.quality, $0.isNamed ? 1 : 0) < (range.quality, isNamed ? 1 : 0) }) ?? true {
        best = (type, range.quality, isNamed)
      }
    }
    if let best { return best.type }
    throw Problem(.notAcceptable, "this path answers with \(types.joined(separator: " or ")); accept that or */*")
  }

  static func isJSON(_ contentType: String?) -> Bool {
    guard let contentType else { return false }
    let parts = contentType.lowercased().split(separator: ";").map(Self.trimmed)
    return parts.first == MediaType.json
      && parts.dropFirst().allSatisfy {
        !$0.hasPrefix("charset=") || $0 == "charset=utf-8" || $0 == "charset=\"utf-8\""
      }
  }

  private static func range(_ text: Substring) -> (type: String, quality: Double) {
    let parts = text.lowercased().split(separator: ";").map(Self.trimmed)
    let quality = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
    return (parts.first ?? "", quality)
  }

  private static func trimmed(_ text: Substring) -> String {
    let inner = text.drop { $0 == " " || $0 == "\t" }
    return String(inner.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}
