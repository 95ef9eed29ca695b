internal import Jansson
internal import P2PHost

/// Events as text/event-stream (HTML Living Standard §9.2) has them.
struct EventFormat: Sendable {
  enum ResetReason: String, Sendable {
    /// The cursor's next event is gone.
    case eventsMissed = "events_missed"
    /// The cursor is of another run of the node, or of an event to come.
    case unknownCursor = "unknown_cursor"
    case readerTooSlow = "reader_too_slow"
  }

  let bootID: String

  /// When a browser comes back.
  static let retry = Array("retry: 2000\n\n".utf8)
  static let heartbeat = Array(": heartbeat\n\n".utf8)

  func id(_ number: UInt64) -> String { "\(self.bootID)-\(number)" }

  func event(_ event: NodeEvent) -> [UInt8] {
    self.frame(id: self.id(event.number), event.type) { json in
      json.member("id", .string(self.id(event.number)))
      json.member("time", JSON(time: event.time))
      json.member("type", .string(event.type))
      json.member("peer_id", event.peerID.map { JSON($0) } ?? .null)
      json.member("connection_id", JSON(event.connectionID))
      for (name, value) in event.fields { json.member(named: name, JSON(value)) }
    }
  }

  /// Has no id: who is cut off before the snapshot comes back with the cursor of before, and is reset again.
  func reset(oldest: UInt64, newest: UInt64, _ reason: ResetReason) -> [UInt8] {
    self.frame(id: nil, "reset") { json in
      json.member("id", .null)
      json.member("time", JSON(time: Timestamp.now()))
      json.member("type", "reset")
      json.member("peer_id", .null)
      json.member("connection_id", .null)
      json.member("oldest", .string(self.id(oldest)))
      json.member("newest", .string(self.id(newest)))
      json.member("reason", .string(reason.rawValue))
    }
  }

  /// Its id is that of the newest event whose outcome it has.
  func snapshot(_ snapshot: HostSnapshot) -> [UInt8] {
    self.frame(id: self.id(snapshot.number), "snapshot") { json in
      json.member("id", .string(self.id(snapshot.number)))
      json.member("time", JSON(time: Timestamp.now()))
      json.member("type", "snapshot")
      json.member("peer_id", .null)
      json.member("connection_id", .null)
      json.member("peers", snapshot.peers)
      json.member("connections", snapshot.connections)
    }
  }

  private func frame(id: String?, _ type: String, _ members: (inout JSONWriter) -> Void) -> [UInt8] {
    var frame = Array("\(id.map { "id: \($0)\n" } ?? "")event: \(type)\ndata: ".utf8)
    // JSON escapes line breaks, so that the data is one line.
    frame += JSONWriter.text(terminator: UInt8(ascii: "\n")) { $0.object(members) }
    frame.append(UInt8(ascii: "\n"))
    return frame
  }
}
