import Testing

@testable import Federation

@Suite("A session")
struct SessionTests {
  private static func keepAlive(_ number: UInt64, at milliseconds: UInt64) -> [UInt8] {
    Message.keepAlive(KeepAlive(number: number, timeMilliseconds: milliseconds)).frame
  }

  private static func reply(_ number: UInt64, remote: UInt64) -> [UInt8] {
    Message.keepAliveReply(
      KeepAliveReply(
        to: KeepAlive(number: number, timeMilliseconds: 0), receivedMilliseconds: remote, sentMilliseconds: remote)
    ).frame
  }

  @Test("sends a keep-alive at once and then every 20 s, and measures by the replies")
  func keepAlives() throws {
    var session = Session(try agreement(), now: .seconds(100))
    #expect(
      session.timer(now: .seconds(100), nowMilliseconds: begin)
        == .send(Self.keepAlive(1, at: begin), next: .seconds(110)))
    #expect(session.timer(now: .seconds(101), nowMilliseconds: begin + 1_000) == .wait(until: .seconds(110)))
    let sample = try #require(
      ClockOffset.Sample(sent: begin, remoteReceived: begin + 600, remoteSent: begin + 600, received: begin + 200))
    #expect(
      session.received(Self.reply(1, remote: begin + 600), now: .seconds(101), nowMilliseconds: begin + 200)
        == .measured(sample))
    #expect(session.clock.milliseconds == 500)
    // The same reply again is nobody's.
    #expect(
      session.received(Self.reply(1, remote: begin + 600), now: .seconds(101), nowMilliseconds: begin + 200)
        == .nothing)
    #expect(session.timer(now: .seconds(110), nowMilliseconds: begin + 10_000) == .wait(until: .seconds(120)))
    #expect(
      session.timer(now: .seconds(120), nowMilliseconds: begin + 20_000)
        == .send(Self.keepAlive(2, at: begin + 20_000), next: .seconds(130)))
  }

  @Test("is over when two keep-alives in a row stay without a reply for 10 s")
  func silence() throws {
    var session = Session(try agreement(), now: .zero)
    _ = session.timer(now: .zero, nowMilliseconds: begin)
    // Late: it does not count.
    #expect(session.received(Self.reply(1, remote: begin), now: .seconds(10), nowMilliseconds: begin) == .nothing)
    #expect(session.timer(now: .seconds(10), nowMilliseconds: begin) == .wait(until: .seconds(20)))
    guard case .send(_, next: .seconds(30)) = session.timer(now: .seconds(20), nowMilliseconds: begin) else {
      Issue.record("no second keep-alive")
      return
    }
    #expect(session.timer(now: .seconds(29), nowMilliseconds: begin) == .wait(until: .seconds(30)))
    #expect(session.timer(now: .seconds(30), nowMilliseconds: begin) == .over)
    #expect(session.timer(now: .seconds(31), nowMilliseconds: begin) == .over)
  }

  @Test("goes on when a reply comes after one that was missed")
  func missedOne() throws {
    var session = Session(try agreement(), now: .zero)
    for number: UInt64 in 1...6 {
      let now: Duration = .seconds(20 * Int(number - 1))
      guard case .send = session.timer(now: now, nowMilliseconds: begin) else {
        Issue.record("not sent")
        return
      }
      if number % 2 == 0 {
        let outcome = session.received(Self.reply(number, remote: begin), now: now, nowMilliseconds: begin)
        guard case .measured = outcome else {
          Issue.record("\(outcome)")
          return
        }
      } else {
        #expect(session.timer(now: now + .seconds(10), nowMilliseconds: begin) == .wait(until: now + .seconds(20)))
      }
    }
  }

  @Test("begins with the clock that the handshake measured")
  func handshakeSample() throws {
    let sample = ClockOffset.Sample(sent: 0, remoteReceived: 300, remoteSent: 300, received: 10)
    let agreed = Agreement(
      version: try agreement().version, network: "regtest", capabilities: [], agent: "", sendLimit: 4_096,
      receiveLimit: 4_096, sinceMilliseconds: begin, clock: sample)
    #expect(Session(agreed, now: .zero).clock.milliseconds == 295)
  }
}
