import Testing

@testable import ManagementAPI
@testable import P2PHost

@Suite(.timeLimit(.minutes(5))) struct EventCrowdTests {
  @Test("200 readers, some come and go, some never read: the others see 50,000 events once and in order")
  func crowd() async throws {
    raiseDescriptorLimit()
    let seed = UInt64.random(in: .min ... .max)
    print("seed \(seed)")
    let (events, staying, wandering, stuck) = (50_000, 150, 45, 5)
    let node = FakeNode()
    try await withAPI(node) { _, port in
      var deaf: [EventFollower] = []
      for _ in 0..<stuck { deaf.append(try await EventFollower(port: port, receiveBufferBytes: 4_096)) }
      let crowd = EventCrowd(
        port: port, bootID: node.events.bootID, events: events, staying: staying, wandering: wandering, seed: seed)
      let deadline = ContinuousClock.now + .seconds(240)
      func wait(_ condition: () -> Bool) async throws {
        while !condition(), crowd.faults == nil {
          if ContinuousClock.now > deadline { crowd.giveUp() }
          try await Task.sleep(for: .microseconds(200))
        }
      }
      try await wait { crowd.begun.load(ordering: .relaxed) == staying + wandering }
      let began = ContinuousClock.now
      for number in 1...UInt64(events) where crowd.faults == nil {
        crowd.times.published[Int(number)] = EventCrowd.Times.now()
        node.events.publish("peer.added", time: 1)
        crowd.published.store(number, ordering: .releasing)
        guard number % 128 == 0 else { continue }
        // As fast as the readers that stay take them: how fast a debug build is, is not what is tested here.
        try await wait {
          crowd.slowestStaying.load(ordering: .relaxed) + 256 >= number
            && crowd.slowestWandering.load(ordering: .relaxed) + 8_192 >= number
        }
      }
      try await wait { false }
      #expect(crowd.faults == [])
      #expect(crowd.reconnections.load(ordering: .relaxed) > wandering)
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      let (half, most, worst) = (crowd.times.quantile(0.5), crowd.times.quantile(0.99), crowd.times.quantile(1))
      print(
        "\(Int(Double(events) / seconds)) events/s to \(staying + wandering) readers, "
          + "\(crowd.reconnections.load(ordering: .relaxed)) reconnections; "
          + "latency p50 < \(half) ms, p99 < \(most) ms, max < \(worst) ms")
      #expect(most < 2_000)
      withExtendedLifetime(deaf) {}
    }
  }
}
