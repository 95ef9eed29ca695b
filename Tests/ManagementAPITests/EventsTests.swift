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
  private func follow(
    _ port: UInt16, _ query: String = "", headers: String = "", receiveBufferBytes: Int32? = nil
  ) async throws -> HTTPTestClient {
    let client = try HTTPTestClient(port: port, receiveBufferBytes: receiveBufferBytes)
    await client.send("GET /v1/events\(query) HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n")
    if receiveBufferBytes == nil {
      let head = try await client.head()
      #expect(head.status == 200)
      #expect(head["Content-Type"] == "text/event-stream")
      #expect(head["Cache-Control"] == "no-store")
    }
    return client
  }

  /// Events from a reader's chunks, in frames of the protocol.
  private func frames(_ client: HTTPTestClient, _ count: Int) async throws -> [String] {
    var text = ""
    while text.components(separatedBy: "\n\n").count <= count {
      guard let chunk = try await client.chunk() else { break }
      text += chunk
    }
    return Array(text.components(separatedBy: "\n\n").prefix(count))
  }

  @Test("an event is told with its id, type, time and members") func told() async throws {
    let node = FakeNode()
    try await withAPI(node) { _, port in
      let client = try await self.follow(port)
      #expect(try await self.frames(client, 1) == ["retry: 2000"])
      let peer = Sample.peer(1)
      node.events.publish(
        "connection.state_changed", time: Sample.time, peerID: peer, connectionID: "c-1",
        fields: [("from", .string("connecting")), ("to", .string("connected")), ("reason", .null), ("n", .int(1))])
      let frame = try #require(try await self.frames(client, 1).first)
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
      let client = try await self.follow(port, "?types=peer.added,peer.removed&peer_id=\(one)&types=node.draining")
      _ = try await self.frames(client, 1)
      for (type, peer) in [
        ("peer.added", two), ("peer.added", one), ("peer.identified", one), ("node.draining", nil),
        ("peer.removed", one),
      ] as [(String, PeerID?)] {
        node.events.publish(type, time: 1, peerID: peer)
      }
      let ids = try await self.frames(client, 2).map { $0.split(separator: "\n").first ?? "" }
      #expect(ids == ["id: 0123456789ab-2", "id: 0123456789ab-5"])
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
      let client = try await self.follow(port, headers: "Last-Event-ID: \(id)\r\n")
      var frames = try await self.frames(client, reason == nil ? 1 : 2)
      if let reason {
        #expect(frames.removeLast().hasPrefix("id: 0123456789ab-3\nevent: reset\n"))
        #expect(reason.isEmpty == false)
      }
      #expect(frames == ["retry: 2000"])
      node.events.publish("peer.added", time: 1)
      #expect(try await self.frames(client, 1).first?.hasPrefix("id: 0123456789ab-4\n") == true)
    }
  }

  @Test("one that never reads is reset; everybody else gets every event in order") func slowReader() async throws {
    let node = FakeNode()
    try await withAPI(node) { _, port in
      let slow = try await self.follow(port, receiveBufferBytes: 4_096)
      var readers: [HTTPTestClient] = []
      for _ in 0..<50 {
        let client = try await self.follow(port)
        _ = try await self.frames(client, 1)
        readers.append(client)
      }
      // More than the sockets of a connection hold and than its queue has room for.
      let rounds = 30
      let eventsOfRound = 500
      let padding = EventValue.string(String(repeating: "x", count: 1_000))
      var next = 1
      for _ in 0..<rounds {
        for _ in 0..<eventsOfRound { node.events.publish("peer.added", time: 1, fields: [("padding", padding)]) }
        for client in readers {
          let frames = try await self.frames(client, eventsOfRound)
          #expect(frames.first?.hasPrefix("id: 0123456789ab-\(next)\n") == true)
          #expect(frames.last?.hasPrefix("id: 0123456789ab-\(next + eventsOfRound - 1)\n") == true)
          #expect(!frames.contains { $0.contains("event: reset") })
        }
        next += eventsOfRound
      }
      _ = try await slow.head()
      var numbers: [Int] = []
      var resets = 0
      while numbers.last != rounds * eventsOfRound {
        for frame in try await self.frames(slow, 1) where frame.hasPrefix("id: ") {
          let number = frame.prefix { $0 != "\n" }.split(separator: "-").last.flatMap { Int($0) } ?? -1
          if frame.contains("event: reset") {
            resets += 1
          } else if let last = numbers.last, number != last + 1 {
            // A jump comes right after a reset only.
            #expect(resets > 0)
          }
          numbers.append(number)
        }
      }
      #expect(resets > 0)
      #expect(numbers == numbers.sorted())
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
    try await withAPI(FakeNode()) { api, port in
      let client = try HTTPTestClient(port: port)
      await client.send(
        "HEAD /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
      #expect(try await client.response(headOnly: true)["Content-Type"] == "text/event-stream")
      #expect(try await client.response().body == "ok\n")
    }
  }

  @Test("a stop ends open streams") func stop() async throws {
    let node = FakeNode()
    let api = ManagementAPI.fake(node)
    let port = try api.start()
    var readers: [HTTPTestClient] = []
    for _ in 0..<20 { readers.append(try await self.follow(port)) }
    node.events.publish("node.draining", time: 1)
    await api.stop(timeout: .seconds(5))
    for client in readers {
      #expect(try await self.frames(client, 2).last?.contains("node.draining") == true)
      #expect(try await client.chunk() == nil)
    }
  }
}
