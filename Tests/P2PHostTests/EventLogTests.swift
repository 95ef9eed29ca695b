import P2PCore
import Synchronization
import Testing

@testable import HostTestKit
@testable import P2PHost

@Suite("The event log", .timeLimit(.minutes(1)))
struct EventLogTests {
  /// What a subscriber got.
  private final class Received: Sendable {
    let numbers = Mutex<[UInt64]>([])
    var all: [UInt64] { self.numbers.withLock { $0 } }
    func add(_ number: UInt64) { self.numbers.withLock { $0.append(number) } }
  }

  @Test("numbers events from 1 without gaps, in order, for publishers on many threads")
  func concurrentPublishers() async {
    let log = EventLog(bootID: "0123456789ab")
    let received = Received()
    let end = log.subscribe { received.add($0.number) }
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask { for _ in 0..<500 { log.publish("test", time: 0) } }
      }
    }
    #expect(received.all == Array(1...4000))
    #expect(log.lastNumber == 4000)
    end()
  }

  @Test("gives a subscriber only what comes after it subscribed")
  func laterOnly() {
    let log = EventLog(bootID: "0123456789ab")
    log.publish("before", time: 0)
    let received = Received()
    _ = log.subscribe { received.add($0.number) }
    log.publish("after", time: 0)
    #expect(received.all == [2])
  }

  @Test("gives nothing to whoever has unsubscribed")
  func unsubscribed() {
    let log = EventLog(bootID: "0123456789ab")
    let stays = Received()
    let leaves = Received()
    _ = log.subscribe { stays.add($0.number) }
    let end = log.subscribe { leaves.add($0.number) }
    log.publish("one", time: 0)
    end()
    end()
    log.publish("two", time: 0)
    #expect(leaves.all == [1])
    #expect(stays.all == [1, 2])
  }

  @Test("keeps the order when a subscriber publishes, subscribes and unsubscribes from its delivery")
  func reentrant() {
    let log = EventLog(bootID: "0123456789ab")
    let first = Received()
    let second = Received()
    let late = Received()
    _ = log.subscribe { event in
      first.add(event.number)
      guard event.type == "outer" else { return }
      log.publish("inner", time: 0)
      let end = log.subscribe { late.add($0.number) }
      log.publish("inner", time: 0)
      end()
      _ = log.subscribe { late.add($0.number) }
    }
    _ = log.subscribe { second.add($0.number) }
    log.publish("outer", time: 0)
    #expect(first.all == [1, 2, 3])
    #expect(second.all == [1, 2, 3])
    #expect(late.all.isEmpty)
    log.publish("later", time: 0)
    #expect(late.all == [4])
  }

  @Test("holds a bounded number of events for a subscriber that does not return")
  func bounded() {
    let log = EventLog(bootID: "0123456789ab")
    let received = Received()
    _ = log.subscribe { event in
      received.add(event.number)
      // While this delivery runs, nobody else delivers.
      if event.number == 1 { for _ in 0..<(EventLog.waitingMax + 10) { log.publish("flood", time: 0) } }
    }
    log.publish("first", time: 0)
    #expect(received.all.count == EventLog.waitingMax + 1)
    #expect(received.all.first == 1)
    #expect(received.all[1] == 12)
    #expect(received.all.last == UInt64(EventLog.waitingMax) + 11)
  }

  @Test("carries type, time, peer, connection and fields")
  func carries() throws {
    let log = EventLog(bootID: "0123456789ab")
    let recorder = EventRecorder(log)
    let peer = PeerID(publicKey: Node.key(1)) { _ in [] }
    log.publish("a.b", time: 42, peerID: peer, connectionID: "c-1", fields: [("from", .string("idle"))])
    let event = try #require(recorder.all.first)
    #expect(event.type == "a.b")
    #expect(event.time == 42)
    #expect(event.peerID == peer)
    #expect(event.connectionID == "c-1")
    #expect(event["from"] == "idle")
  }
}
