internal import P2PHost

/// What Prometheus reads: its own text exposition format 0.0.4, or OpenMetrics 1.0.
struct MetricsText {
  enum Format {
    case prometheus, openMetrics

    /// Of the answer.
    var contentType: String {
      switch self {
      case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      }
    }
  }

  enum Kind: String { case counter, gauge, histogram }

  typealias Labels = [(String, String)]

  let format: Format
  private(set) var text = ""

  init(_ format: Format) { self.format = format }

  /// One family with its samples. The name of a counter ends in `_total`.
  mutating func family(_ name: String, _ kind: Kind, _ help: String, _ samples: [(Labels, Double)]) {
    self.head(name, kind, help)
    for (labels, value) in samples { self.sample(name, Self.text(of: labels), Self.number(value)) }
  }

  mutating func family(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
    self.family(name, kind, help, [([], value)])
  }

  mutating func histogram(_ name: String, _ help: String, _ samples: [(Labels, Histogram)]) {
    self.head(name, .histogram, help)
    for (labels, histogram) in samples {
      let labels = Self.text(of: labels)
      var total: UInt64 = 0
      for (index, count) in histogram.counts.enumerated() {
        total += count
        let bound = index < histogram.bounds.count ? self.bound(histogram.bounds[index]) : "+Inf"
        self.sample(name + "_bucket", labels + (labels.isEmpty ? "" : ",") + "le=\"\(bound)\"", String(total))
      }
      self.sample(name + "_sum", labels, Self.number(histogram.sum))
      self.sample(name + "_count", labels, String(total))
    }
  }

  /// The whole text. Once.
  mutating func finish() -> [UInt8] {
    if self.format == .openMetrics { self.text += "# EOF\n" }
    return Array(self.text.utf8)
  }

  private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
    // The family of OpenMetrics has no suffix, only its samples have (OpenMetrics 1.0, counter).
    let family = self.format == .openMetrics && kind == .counter ? String(name.dropLast("_total".count)) : name
    self.text += "# HELP \(family) \(help)\n# TYPE \(family) \(kind.rawValue)\n"
  }

  private mutating func sample(_ name: String, _ labels: String, _ value: String) {
    self.text += name
    if !labels.isEmpty {
      self.text += "{"
      self.text += labels
      self.text += "}"
    }
    self.text += " "
    self.text += value
    self.text += "\n"
  }

  /// As Go writes it, whose tools compare it as text.
  private func bound(_ value: Double) -> String {
    guard value.rounded() == value else { return String(value) }
    let digits = String(Int64(value))
    if digits.count <= 6 { return digits + (self.format == .openMetrics ? ".0" : "") }
    let fraction = digits.dropFirst().reversed().drop { $0 == "0" }.reversed()
    return "\(digits.prefix(1))\(fraction.isEmpty ? "" : ".")\(String(fraction))e+0\(digits.count - 1)"
  }

  private static func number(_ value: Double) -> String {
    if value.rounded() == value && value.magnitude < 1e15 { return String(Int64(value)) }
    return value.isInfinite ? (value < 0 ? "-Inf" : "+Inf") : value.isNaN ? "NaN" : String(value)
  }

  private static func text(of labels: Labels) -> String {
    labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
  }

  private static func escaped(_ text: String) -> String {
    guard text.utf8.contains(where: { [UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "\n")].contains($0) })
    else { return text }
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
