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

@Suite(.timeLimit(.minutes(2))) struct EventsTests {
  @Test("an event is told with its id, type, time and members") func told() async throws {
    let node = FakeNode()
    try await withAPI(node) { _, port in
      let client = try await EventFollower(port: port)
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
      let client = try await EventFollower(port: port, query: query)
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
    "a client goes on where it says, or is told that it cannot and starts over",
    arguments: [
      ("?since=0123456789ab-5", nil, []), ("?since=0123456789ab-2", nil, ["3", "4", "5"]),
      ("?since=0123456789ab-0", nil, ["1", "2", "3", "4", "5"]),
      ("?since=0123456789ab-2&types=peer.removed", nil, ["4"]), ("?since=0", nil, ["snapshot 5"]),
      ("?since=0&types=peer.removed", nil, ["snapshot 5"]),
      ("?since=0123456789ab-6", nil, ["reset unknown_cursor", "snapshot 5"]),
      ("?since=8f3a1c-2", nil, ["reset unknown_cursor", "snapshot 5"]),
      ("", "0123456789ab-4", ["5"]), ("?since=0123456789ab-1", "0123456789ab-3", ["4", "5"]), ("", "0", ["snapshot 5"]),
      ("", "", []), ("", "ffffffffffff-3", ["reset unknown_cursor", "snapshot 5"]),
      ("", "x", ["reset unknown_cursor", "snapshot 5"]), ("?since=0", "0123456789ab-3", ["4", "5"]),
    ] as [(String, String?, [String])])
  func goesOn(query: String, lastEventID: String?, first: [String]) async throws {
    let node = FakeNode()
    try await withAPI(node) { _, port in
      for number in 1...5 { node.events.publish(number == 4 ? "peer.removed" : "peer.added", time: 1) }
      let client = try await EventFollower(port: port, query: query, lastEventID: lastEventID)
      try await client.begin()
      #expect(try await client.words(first.count) == first)
      node.events.publish("peer.removed", time: 1)
      #expect(try await client.words(1) == ["6"])
    }
  }

  @Test("a cursor that fell out of the ring: reset, snapshot, and on from there") func fellOut() async throws {
    let node = FakeNode()
    try await withAPI(node) { _, port in
      let witness = try await EventFollower(port: port, query: "?types=node.draining")
      try await witness.begin()
      for _ in 0..<(EventJournal.countMax + 9) { node.events.publish("peer.added", time: 1) }
      node.events.publish("node.draining", time: 1)
      #expect(try await witness.words(1) == ["16394"])
      let lost = try await EventFollower(port: port, lastEventID: "0123456789ab-9")
      try await lost.begin()
      let reset = try #require(try await lost.event())
      #expect(reset.type == "reset")
      #expect(reset.id == nil)
      #expect(reset.data["reason"] == "events_missed")
      #expect(reset.data["oldest"] == "0123456789ab-11")
      #expect(reset.data["newest"] == "0123456789ab-16394")
      #expect(try await lost.words(1) == ["snapshot 16394"])
      let oldest = try await EventFollower(port: port, lastEventID: "0123456789ab-10")
      try await oldest.begin()
      let all = try await oldest.words(EventJournal.countMax)
      #expect(all == (11...16_394).map { "\($0)" })
      node.events.publish("peer.added", time: 1)
      #expect(try await lost.words(1) == ["16395"])
      #expect(try await oldest.words(1) == ["16395"])
    }
  }

  @Test("a snapshot has the peers and connections, or those of the filter") func snapshots() async throws {
    let node = FakeNode()
    let (one, two) = (Sample.peer(1), Sample.peer(2))
    node.state.withLock { state in
      state.peers = [Sample.peerInfo(one), Sample.peerInfo(two)]
      state.connections = [Sample.connection(1, one), Sample.connection(2, two), Sample.connection(3, two)]
    }
    try await withAPI(node) { api, port in
      let all = try await EventFollower(port: port, query: "?since=0")
      try await all.begin()
      let snapshot = try #require(try await all.event()).data
      #expect(snapshot["id"] == "0123456789ab-0")
      #expect(snapshot["peers"]?.elements.map { $0["peer_id"] } == [JSON(one), JSON(two)])
      #expect(snapshot["connections"]?.elements.map { $0["id"] } == ["c-1", "c-2", "c-3"])
      // Each as the lists have it.
      let peer = try await api.call("GET", "/v1/peers/\(one)").json
      #expect(snapshot["peers"]?.elements.first == peer)
      let connection = try await api.call("GET", "/v1/connections/c-1").json
      #expect(snapshot["connections"]?.elements.first == connection)
      let filtered = try await EventFollower(port: port, query: "?since=0&peer_id=\(two)")
      try await filtered.begin()
      let part = try #require(try await filtered.event()).data
      #expect(part["peers"]?.elements.map { $0["peer_id"] } == [JSON(two)])
      #expect(part["connections"]?.elements.map { $0["id"] } == ["c-2", "c-3"])
    }
  }

  @Test("one that never reads is reset; everybody else gets every event in order") func slowReader() async throws {
    let node = FakeNode()
    try await withAPI(node) { _, port in
      let slow = try await EventFollower(port: port, receiveBufferBytes: 4_096)
      var readers: [EventFollower] = []
      for _ in 0..<5 {
        readers.append(try await EventFollower(port: port))
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
        let word = try #require(try await slow.words(1).first)
        if word == "reset reader_too_slow" {
          resets += 1
          let snapshot = try await slow.words(1).first ?? ""
          let number = try #require(Int(snapshot.dropFirst("snapshot ".count)), "\(snapshot) follows a reset")
          #expect(number > last + EventReader.queueMax)
          last = number
        } else {
          // No jump but over a reset.
          #expect(Int(word) == last + 1)
          last += 1
        }
      }
      #expect(resets > 0)
    }
  }

  @Test("readers are bounded, and a hub that has stopped takes none") func bounded() async throws {
    let hub = EventHub(node: FakeNode())
    hub.start()
    let streams = (0..<EventHub.readersMax).compactMap { _ in hub.open(.init()) }
    #expect(streams.count == EventHub.readersMax)
    #expect(hub.open(.init()) == nil)
    #expect(hub.figures.readers == EventHub.readersMax)
    await hub.stop()
    #expect(hub.open(.init()) == nil)
  }

  @Test("HEAD tells the type and follows nothing") func head() async throws {
    try await withAPI(FakeNode()) { _, port in
      let client = try HTTPTestClient(port: port)
      await client.send("HEAD /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
      #expect(try await client.response(headOnly: true)["Content-Type"] == "text/event-stream")
      #expect(await client.rest() == "")
    }
  }

  @Test("a stop ends 500 open streams after the last event") func stop() async throws {
    raiseDescriptorLimit()
    let node = FakeNode()
    let api = ManagementAPI.fake(node)
    let port = try api.start()
    var readers: [EventFollower] = []
    for _ in 0..<500 {
      readers.append(try await EventFollower(port: port))
      try await readers.last?.begin()
    }
    node.events.publish("node.draining", time: 1)
    let began = ContinuousClock.now
    await api.stop(timeout: .seconds(20))
    #expect(ContinuousClock.now - began < .seconds(15))
    for client in readers {
      #expect(try await client.frame()?.contains("event: node.draining") == true)
      #expect(try await client.frame() == nil)
    }
  }

  @Test("curl -N follows, and when it is killed it is gone within a second") func killed() async throws {
    let node = FakeNode()
    try await withAPI(node) { api, port in
      let curl = Process()
      curl.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
      curl.arguments = ["-sN", "http://127.0.0.1:\(port)/v1/events?since=0123456789ab-0"]
      let output = Pipe()
      curl.standardOutput = output
      node.events.publish("peer.added", time: 1)
      try curl.run()
      var text = ""
      while !text.contains("event: peer.added") {
        let data = output.fileHandleForReading.availableData
        if data.isEmpty { break }
        text += String(decoding: data, as: UTF8.self)
      }
      #expect(text.hasPrefix("retry: 2000\n\nid: 0123456789ab-1\nevent: peer.added\ndata: {"))
      #expect(try await Self.readers(api) == 1)
      kill(curl.processIdentifier, SIGKILL)
      let killed = ContinuousClock.now
      while try await Self.readers(api) > 0, ContinuousClock.now - killed < .seconds(5) {
        try await Task.sleep(for: .milliseconds(5))
      }
      #expect(ContinuousClock.now - killed < .seconds(1))
    }
  }

  @Test("one that never reads is gone within a second as well when its client is killed") func killedSlow() async throws
  {
    let node = FakeNode()
    try await withAPI(node) { api, port in
      let witness = try await EventFollower(port: port, query: "?types=node.draining")
      try await witness.begin()
      let slow = try await EventFollower(port: port, receiveBufferBytes: 4_096)
      while try await Self.readers(api) < 2 { try await Task.sleep(for: .milliseconds(1)) }
      // More than the buffers of both sockets hold.
      let padding = EventValue.string(String(repeating: "x", count: 8_000))
      for _ in 0..<1_000 { node.events.publish("peer.added", time: 1, fields: [("padding", padding)]) }
      node.events.publish("node.draining", time: 1)
      #expect(try await witness.words(1) == ["1001"])
      slow.client.close()
      let closed = ContinuousClock.now
      while try await Self.readers(api) > 1, ContinuousClock.now - closed < .seconds(5) {
        try await Task.sleep(for: .milliseconds(5))
      }
      #expect(ContinuousClock.now - closed < .seconds(1))
    }
  }

  private static func readers(_ api: ManagementAPI) async throws -> Int {
    let lines = try await api.call("GET", "/metrics").text.split(separator: "\n")
    let line = try #require(lines.first { $0.hasPrefix("fednode_api_event_readers ") })
    return try #require(line.split(separator: " ").last.flatMap { Int($0) })
  }
}
