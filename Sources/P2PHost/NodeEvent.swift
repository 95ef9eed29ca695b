package import P2PCore

/// One thing that happened.
package struct NodeEvent: Sendable {
  /// Grows by one per event of the node.
  package var number: UInt64
  /// Milliseconds since the Unix epoch.
  package var time: Int64
  /// `connection.state_changed`, …
  package var type: String
  package var peerID: PeerID?
  package var connectionID: String?
  /// Further members, in order.
  package var fields: [(String, EventValue)]

  package init(
    number: UInt64, time: Int64, type: String, peerID: PeerID?, connectionID: String?, fields: [(String, EventValue)]
  ) {
    self.number = number
    self.time = time
    self.type = type
    self.peerID = peerID
    self.connectionID = connectionID
    self.fields = fields
  }
}

/// A JSON-shaped value.
package indirect enum EventValue: Sendable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  /// Milliseconds since the Unix epoch.
  case time(Int64)
  case array([EventValue])
  case object([(String, EventValue)])

  /// `null` for nil.
  package init(_ text: String?) {
    self = if let text { .string(text) } else { .null }
  }

  package init(_ texts: [String]) {
    self = .array(texts.map { .string($0) })
  }
}
