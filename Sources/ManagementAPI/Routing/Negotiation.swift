/// Content negotiation (RFC 9110 §12.5.1).
enum Negotiation {
  /// The one of `types` with the highest quality; of several the one that is named by itself, then the first. Parameters
  /// of a media type other than `q` are not looked at.
  static func choose(from types: [String], accept: [String]) throws(Problem) -> String {
    let ranges = accept.flatMap { $0.split(separator: ",") }.map(Self.range)
    guard let first = types.first else { return MediaType.json }
    if ranges.isEmpty { return first }
    var best: (type: String, match: (quality: Double, precision: Int))?
    for type in types {
      guard let match = Self.match(type, ranges), match.quality > 0 else { continue }
      if let best, best.match >= match { continue }
      best = (type, match)
    }
    guard let best else {
      throw Problem(.notAcceptable, "this path answers with \(types.joined(separator: " or ")); accept that or */*")
    }
    return best.type
  }

  /// Of the most precise of `ranges` that `type` lies in; nil where it lies in none.
  private static func match(
    _ type: String, _ ranges: [(type: String, quality: Double)]
  ) -> (quality: Double, precision: Int)? {
    let names = ["*/*", String(type.prefix { $0 != "/" }) + "/*", type]
    for precision in names.indices.reversed() {
      let qualities = ranges.filter { $0.type == names[precision] }.map(\.quality)
      if let quality = qualities.max() { return (quality, precision) }
    }
    return nil
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
