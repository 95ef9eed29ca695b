import Foundation
import HTTPTestClient
import Jansson
import P2PCore
import Synchronization
import Testing

@testable import ManagementAPI
@testable import P2PHost

/// Runs the API on a socket for the length of `body`.
func withAPI(
  _ node: FakeNode, _ body: (ManagementAPI, UInt16) async throws -> Void
) async throws {
  let api = ManagementAPI.fake(node)
  let port = try api.start()
  do {
    try await body(api, port)
  } catch {
    await api.stop(timeout: .zero)
    throw error
  }
  await api.stop(timeout: .seconds(2))
}

@Suite struct EventsTests {
  /// A client that reads events in frames of the protocol.
  private final class Follower: Sendable {
    let client: HTTPTestClient
    private let text = Mutex("")

    init(port: UInt16, query: String = "", headers: String = "", receiveBufferBytes: Int32? = nil) async throws {
      self.client = try HTTPTestClient(port: port, receiveBufferBytes: receiveBufferBytes)
      await self.client.send("GET /v1/events\(query) HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n")
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
  }

  @Test("an event is told with its id, type, time and members") func told() async throws {
    let node = FakeNode()
    try await withAPI(node) { _, port in
      let client = try await Follower(port: port)
      try await client.begin()
      let peer = Sample.peer(1)
      node.events.publish(
        "connection.state_changed", time: Sample.time, peerID: peer, connectionID: "c-1",
        fields: [("from", .string("connecting")), ("to", .string("connected")), ("reason", .null), ("n", .int(1))])
      let frame = try #require(try await client.frame())
      #expect(
        frame == """
          id: 0123456789ab-1
          event: connection.state_changed
          data: {"id":"0123456789ab-1","time":"\(Sample.timeText)","type":"connection.state_changed",\
          "peer_id":"\(peer)","connection_id":"c-1","from":"connecting","to":"connected","reason":null,"n":1}
          """)
    }
  }

  @Test("filters leave out, and do not renumber") func filters() async throws {
    let node = FakeNode()
    let (one, two) = (Sample.peer(1), Sample.peer(2))
    try await withAPI(node) { _, port in
      let query = "?types=peer.added,peer.removed&peer_id=\(one)&types=node.draining"
      let client = try await Follower(port: port, query: query)
      try await client.begin()
      for (type, peer) in [
        ("peer.added", two), ("peer.added", one), ("peer.identified", one), ("node.draining", nil),
        ("peer.removed", one),
      ] as [(String, PeerID?)] {
        node.events.publish(type, time: 1, peerID: peer)
      }
      #expect(try await client.frame()?.hasPrefix("id: 0123456789ab-2\n") == true)
      #expect(try await client.frame()?.hasPrefix("id: 0123456789ab-5\n") == true)
    }
  }

  @Test(
    "who comes back with the id of an older event is told that some are missing",
    arguments: [
      ("0123456789ab-3", nil), ("0123456789ab-2", "events_missed"), ("ffffffffffff-3", "unknown_cursor"),
      ("x", "unknown_cursor"),
    ] as [(String, String?)])
  func comesBack(id: String, reason: String?) async throws {
    let node = FakeNode()
    try await withAPI(node) { _, port in
      for _ in 1...3 { node.events.publish("peer.added", time: 1) }
      let client = try await Follower(port: port, headers: "Last-Event-ID: \(id)\r\n")
      try await client.begin()
      if let reason {
        let frame = try #require(try await client.frame())
        #expect(frame.hasPrefix("id: 0123456789ab-3\nevent: reset\n"))
        #expect(frame.contains("\"oldest\":\"0123456789ab-4\""))
        #expect(frame.hasSuffix("\"reason\":\"\(reason)\"}"))
      }
      node.events.publish("peer.added", time: 1)
      #expect(try await client.frame()?.hasPrefix("id: 0123456789ab-4\n") == true)
    }
  }

  @Test("one that never reads is reset; everybody else gets every event in order") func slowReader() async throws {
    let node = FakeNode()
    try await withAPI(node) { _, port in
      let slow = try await Follower(port: port, receiveBufferBytes: 4_096)
      var readers: [Follower] = []
      for _ in 0..<5 {
        readers.append(try await Follower(port: port))
        try await readers.last?.begin()
      }
      // Together more than the buffers of a socket and the queue hold; each round less than the queue.
      let padding = EventValue.string(String(repeating: "x", count: 4_000))
      let (rounds, eventsOfRound) = (6, 500)
      for round in 0..<rounds {
        for _ in 0..<eventsOfRound { node.events.publish("peer.added", time: 1, fields: [("padding", padding)]) }
        for client in readers {
          for number in 1...eventsOfRound {
            let id = "id: 0123456789ab-\(round * eventsOfRound + number)\nevent: peer.added\n"
            let frame = try await client.frame() ?? ""
            guard frame.hasPrefix(id) else {
              Issue.record("\(frame.prefix(80)) is not \(id)")
              return
            }
          }
        }
      }
      try await slow.begin()
      var last = 0
      var resets = 0
      while last < rounds * eventsOfRound {
        let frame = try #require(try await slow.frame())
        guard frame.hasPrefix("id: ") else { continue }
        let number = frame.prefix { $0 != "\n" }.split(separator: "-").last.flatMap { Int($0) } ?? 0
        if frame.contains("event: reset") {
          resets += 1
          #expect(number >= last)
        } else {
          // No jump but over a reset.
          #expect(number == last + 1)
        }
        last = number
      }
      #expect(resets > 0)
    }
  }

  @Test("readers are bounded, and one that leaves makes room") func bounded() async throws {
    let hub = EventHub(log: EventLog(bootID: "0123456789ab"))
    hub.start()
    let streams = (0..<EventHub.readersMax).compactMap { _ in hub.open(.init(), lastEventID: nil) }
    #expect(streams.count == EventHub.readersMax)
    #expect(hub.open(.init(), lastEventID: nil) == nil)
    #expect(hub.readerCount == EventHub.readersMax)
    hub.stop()
    #expect(hub.open(.init(), lastEventID: nil) == nil)
    #expect(!streams.contains { $0.push([1]) })
  }

  @Test("HEAD tells the type and follows nothing") func head() async throws {
    try await withAPI(FakeNode()) { _, port in
      let client = try HTTPTestClient(port: port)
      await client.send("HEAD /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
      #expect(try await client.response(headOnly: true)["Content-Type"] == "text/event-stream")
      #expect(await client.rest() == "")
    }
  }

  @Test("a stop ends open streams") func stop() async throws {
    let node = FakeNode()
    let api = ManagementAPI.fake(node)
    let port = try api.start()
    var readers: [Follower] = []
    for _ in 0..<20 {
      readers.append(try await Follower(port: port))
      try await readers.last?.begin()
    }
    node.events.publish("node.draining", time: 1)
    await api.stop(timeout: .seconds(5))
    for client in readers {
      #expect(try await client.frame()?.contains("event: node.draining") == true)
      #expect(try await client.frame() == nil)
    }
  }
}
