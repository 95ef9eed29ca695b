internal import MicroHTTP
internal import P2PHost

/// How a list of connections is sorted: `sort=rtt_ms` the least first, `sort=-rtt_ms` the greatest. Connections of
/// which the figure is not known come last.
struct ConnectionOrder: Sendable {
  private enum Figure: String, CaseIterable, Sendable {
    case openedAt = "opened_at"
    case lastActivityAt = "last_activity_at"
    case rtt = "rtt_ms"
    case bytesIn = "bytes_in"
    case bytesOut = "bytes_out"
  }

  /// As the query has it.
  private let text: String
  private let figure: Figure
  private let isDescending: Bool

  /// Nil when no order is asked for.
  init?(_ request: RequestContext) throws(Problem) {
    guard let text = try request.value("sort") else { return nil }
    self.text = text
    self.isDescending = text.hasPrefix("-")
    guard let figure = Figure(rawValue: String(self.isDescending ? text.dropFirst() : text[...])) else {
      let known = Figure.allCases.map(\.rawValue).joined(separator: ", ")
      throw Problem(
        .invalidParameter,
        "the query parameter sort is \(quoted(text)); it must be one of \(known), with - before it for the greatest first"
      )
    }
    self.figure = figure
  }

  /// The page of `items` that is asked for. All of them are sorted for each page: there are as many as
  /// `limits.connections` or the history have.
  func page<Item: JSONWritable & Sendable>(
    of items: [Item], by connection: (Item) -> ConnectionInfo, _ request: RequestContext
  ) throws(Problem) -> HTTPResponse {
    let sorted = items.map { (place: self.place(of: connection($0)), item: $0) }.sorted { $0.place < $1.place }
    let (page, next) = try Page.part(of: sorted, request, key: \.place, read: self.place, write: self.cursor)
    return Page.answer(page.map(\.item), total: sorted.count, next: next)
  }

  /// Where a connection stands; no two stand in one place.
  private struct Place: Comparable, Sendable {
    let value: Double
    let number: UInt64

    static func < (a: Place, b: Place) -> Bool { (a.value, a.number) < (b.value, b.number) }
  }

  private func place(of connection: ConnectionInfo) -> Place {
    let value = self.value(of: connection)
    return Place(
      value: value.map { self.isDescending ? -$0 : $0 } ?? .infinity,
      // Of an id `c-17`.
      number: UInt64(connection.id.drop { $0 != "-" }.dropFirst()) ?? .max)
  }

  /// `rtt_ms/1.5/17`; it is of no use in another order.
  private func cursor(_ place: Place) -> String { "\(self.text)/\(place.value)/\(place.number)" }

  private func place(_ cursor: String) -> Place? {
    let parts = cursor.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == self.text, let value = Double(parts[1]), !value.isNaN,
      let number = UInt64(parts[2])
    else { return nil }
    return Place(value: value, number: number)
  }

  private func value(of connection: ConnectionInfo) -> Double? {
    let figures = connection.statistics
    switch self.figure {
    case .openedAt: return connection.openedAt > 0 ? Double(connection.openedAt) : nil
    case .lastActivityAt: return figures.flatMap { $0.lastActivityAt > 0 ? Double($0.lastActivityAt) : nil }
    case .rtt: return figures?.rttSmoothed.map { $0 / .milliseconds(1) }
    case .bytesIn: return figures.map { Double($0.bytesIn) }
    case .bytesOut: return figures.map { Double($0.bytesOut) }
    }
  }
}
