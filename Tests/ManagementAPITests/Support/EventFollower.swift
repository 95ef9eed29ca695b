import Foundation
import HTTPTestClient
import Jansson
import Synchronization
import Testing

/// A client that reads events in frames of the protocol.
final class EventFollower: Sendable {
  let client: HTTPTestClient
  private let text = Mutex("")

  init(port: UInt16, query: String = "", lastEventID: String? = nil, receiveBufferBytes: Int32? = nil) async throws {
    self.client = try HTTPTestClient(port: port, receiveBufferBytes: receiveBufferBytes)
    let cursor = lastEventID.map { "Last-Event-ID: \($0)\r\n" } ?? ""
    await self.client.send("GET /v1/events\(query) HTTP/1.1\r\nHost: localhost\r\n\(cursor)\r\n")
  }

  /// Reads the head and the first frame, which says when to come back.
  func begin() async throws {
    let head = try await self.client.head()
    #expect(head.status == 200)
    #expect(head["Content-Type"] == "text/event-stream")
    #expect(head["Cache-Control"] == "no-store")
    #expect(try await self.frame() == "retry: 2000")
  }

  /// Nil at the end.
  func frame() async throws -> String? {
    while true {
      let frame: String? = self.text.withLock { text in
        guard let end = text.range(of: "\n\n") else { return nil }
        let frame = String(text[..<end.lowerBound])
        text.removeSubrange(..<end.upperBound)
        return frame
      }
      if let frame { return frame }
      guard let chunk = try await self.client.chunk() else { return nil }
      self.text.withLock { $0 += chunk }
    }
  }

  /// The next event, without comments: its id and type as the protocol has them, and its data.
  func event() async throws -> (id: String?, type: String, data: JSON)? {
    while let frame = try await self.frame() {
      if frame.hasPrefix(":") { continue }
      var id: String?
      var type = ""
      var data = JSON.null
      for line in frame.split(separator: "\n") {
        if line.hasPrefix("id: ") { id = String(line.dropFirst(4)) }
        if line.hasPrefix("event: ") { type = String(line.dropFirst(7)) }
        if line.hasPrefix("data: ") { data = try JSON(decoding: Array(line.dropFirst(6).utf8)) }
      }
      #expect(data["type"] == .string(type))
      #expect(data["id"] == JSON(id))
      return (id, type, data)
    }
    return nil
  }

  /// What the next events are, in short: `3`, `reset events_missed`, `snapshot 5`.
  func words(_ count: Int) async throws -> [String] {
    var words: [String] = []
    while words.count < count, let event = try await self.event() {
      let number = event.id.map { String($0.drop { $0 != "-" }.dropFirst()) } ?? "-"
      switch event.type {
      case "reset": words.append("reset \(event.data["reason"]?.text ?? "")")
      case "snapshot": words.append("snapshot \(number)")
      default: words.append(number)
      }
    }
    return words
  }
}
