/// Prometheus text exposition format, version 0.0.4, or OpenMetrics 1.0, which names a counter without its `_total`,
/// writes bounds with a fraction and has an end.
struct PrometheusText {
  let isOpenMetrics: Bool

  private var text = ""

  init(isOpenMetrics: Bool = false) { self.isOpenMetrics = isOpenMetrics }

  var contentType: String {
    self.isOpenMetrics
      ? "\(MediaType.openMetrics); version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8"
  }

  /// All of it; nothing comes after.
  var bytes: [UInt8] { Array((self.isOpenMetrics ? self.text + "# EOF\n" : self.text).utf8) }

  enum Kind: String { case counter, gauge, histogram }

  typealias Labels = [(String, String)]

  /// One family with its samples.
  mutating func family(_ name: String, _ kind: Kind, _ help: String, _ samples: [(Labels, Double)]) {
    self.head(name, kind, help)
    for (labels, value) in samples { self.sample(name, labels, value) }
  }

  mutating func family(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
    self.family(name, kind, help, [([], value)])
  }

  /// `counts` are those of each bucket alone, with one more for what is beyond the last bound.
  mutating func histogram(
    _ name: String, _ help: String, labels: Labels, bounds: [Double], counts: [UInt64], sum: Double
  ) {
    self.head(name, .histogram, help)
    var total: UInt64 = 0
    for (index, count) in counts.enumerated() {
      total += count
      let bound = index < bounds.count ? self.bound(bounds[index]) : "+Inf"
      self.sample(name + "_bucket", labels + [("le", bound)], Double(total))
    }
    self.sample(name + "_sum", labels, sum)
    self.sample(name + "_count", labels, Double(total))
  }

  private func bound(_ value: Double) -> String { self.isOpenMetrics ? String(value) : Self.number(value) }

  private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
    let ending = "_total"
    let name =
      self.isOpenMetrics && kind == .counter && name.hasSuffix(ending) ? String(name.dropLast(ending.count)) : name
    self.text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  private mutating func sample(_ name: String, _ labels: Labels, _ value: Double) {
    self.text += name
    if !labels.isEmpty {
      self.text += "{" + labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",") + "}"
    }
    self.text += " \(Self.number(value))\n"
  }

  private static func number(_ value: Double) -> String {
    if value.rounded() == value && value.magnitude < 1e15 { return String(Int64(value)) }
    return value.isInfinite ? (value < 0 ? "-Inf" : "+Inf") : value.isNaN ? "NaN" : String(value)
  }

  private static func escaped(_ text: String) -> String {
    var escaped = ""
    for character in text.unicodeScalars {
      switch character {
      case "\\": escaped += "\\\\"
      case "\"": escaped += "\\\""
      case "\n": escaped += "\\n"
      default: escaped.unicodeScalars.append(character)
      }
    }
    return escaped
  }
}
