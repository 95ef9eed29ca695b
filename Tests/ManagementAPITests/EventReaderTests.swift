import P2PCore
import Testing

@testable import ManagementAPI

/// A journal and one reader, without threads.
private final class Bench {
  var journal = EventJournal(next: 1)
  var reader: EventReader
  var wakes = 0
  var overflows = 0

  init(_ start: EventReader.Start, _ filter: EventFilter = .init(), published count: Int = 0) {
    self.reader = EventReader(filter, start, EventFormat(bootID: "b"))
    for _ in 0..<count { self.publish() }
  }

  func publish(_ type: String = "peer.added", peer: PeerID? = nil, at number: UInt64? = nil, bytes: Int = 0) {
    let number = number ?? self.journal.next
    let padding = String(repeating: "x", count: bytes)
    let entry = EventJournal.Entry(type: type, peerID: peer, frame: Array("\(number)\(padding) ".utf8))
    self.journal.append(entry, number)
    switch self.reader.published(entry, number) {
    case .nothing: break
    case .wake: self.wakes += 1
    case .overflowed: self.overflows += 1
    }
  }

  func beat() -> Bool { self.reader.heartbeat() }
  func snapshot(upTo number: UInt64) -> Bool { self.reader.snapshot(Array("SNAP ".utf8), upTo: number) }

  /// Reads in pieces of that size until there is nothing more; the frames in short.
  func read(piece: Int = 4_096) -> (words: [Substring], end: EventReader.OnRead) {
    var text: [UInt8] = []
    while true {
      var buffer = [UInt8](repeating: 0, count: piece)
      let outcome = buffer.withUnsafeMutableBytes { self.reader.read(into: $0, self.journal) }
      switch outcome {
      case .bytes(let count): text += buffer[..<count]
      case .unfinished: continue
      case .nothing, .wantsSnapshot:
        let words = String(decoding: text, as: UTF8.self).replacing("retry: 2000", with: "")
          .split { $0 == " " || $0 == "\n" }
        return (words.filter { UInt64($0) != nil || $0 == "reset" || $0 == "heartbeat" || $0 == "SNAP" }, outcome)
      }
    }
  }
}

@Suite struct EventReaderTests {
  private static func words(_ range: ClosedRange<Int>) -> [Substring] { range.map { "\($0)" } }

  @Test("pieces of any size make the same whole", arguments: [1, 2, 7, 8_192])
  func pieces(size: Int) {
    let bench = Bench(.replay(3), published: 2_000)
    let first = bench.read(piece: size)
    #expect(first.words == Self.words(3...2_000))
    #expect(first.end == .nothing)
    bench.publish()
    #expect(bench.wakes == 1)
    #expect(bench.read(piece: size).words == ["2001"])
  }

  @Test("a live reader is woken once for what it has not taken, and is behind by at most the queue") func queue() {
    let bench = Bench(.live(1))
    #expect(bench.read().end == .nothing)
    for _ in 0..<EventReader.queueMax { bench.publish() }
    #expect(bench.wakes == 1)
    #expect(bench.overflows == 0)
    bench.publish()
    bench.publish()
    #expect(bench.overflows == 1)
    let (words, end) = bench.read()
    #expect(words == ["reset"])
    #expect(end == .wantsSnapshot)
    // Nothing is asked for twice.
    #expect(bench.read().end == .nothing)
    bench.publish()
    #expect(bench.wakes == 1)
    #expect(bench.snapshot(upTo: bench.journal.next - 2))
    #expect(bench.read().words == ["SNAP", "\(EventReader.queueMax + 3)"])
    bench.publish()
    #expect(bench.read().words == ["\(EventReader.queueMax + 4)"])
  }

  @Test("what the filter leaves out is not waited for, and does not count") func filtered() {
    let peer = Sample.peer(1)
    let bench = Bench(.live(1), EventFilter(types: ["peer.removed"], peers: [peer]))
    _ = bench.read()
    for _ in 0..<(3 * EventJournal.countMax) { bench.publish("peer.removed") }
    #expect(bench.wakes == 0)
    for _ in 0..<EventReader.queueMax {
      bench.publish("peer.added", peer: peer)
      bench.publish("peer.removed", peer: peer)
    }
    #expect(bench.wakes == 1)
    #expect(bench.overflows == 0)
    let (words, end) = bench.read()
    #expect(words.count == EventReader.queueMax)
    #expect(end == .nothing)
  }

  @Test("what the filter leaves out behind an event that was not taken yet is not missed later") func filteredBehind() {
    let bench = Bench(.live(1), EventFilter(types: ["peer.removed"]))
    _ = bench.read()
    bench.publish("peer.removed")
    bench.publish("peer.added")
    #expect(bench.read().words == ["1"])
    bench.publish("peer.added")
    bench.publish("peer.removed")
    #expect(bench.read().words == ["4"])
    // A gap is one all the same.
    bench.publish("peer.removed", at: 7)
    #expect(bench.read().words == ["reset"])
  }

  @Test("one that catches up may be behind by all that the journal has, and starts over beyond") func lost() {
    let bench = Bench(.replay(1), published: EventJournal.countMax)
    #expect(bench.read().words == Self.words(1...EventJournal.countMax))
    let late = Bench(.replay(1), published: EventJournal.countMax + 1)
    let (words, end) = late.read()
    #expect(words == ["reset"])
    #expect(end == .wantsSnapshot)
  }

  @Test("numbers that the log lost: everybody starts over") func gap() {
    let waiting = Bench(.live(1))
    _ = waiting.read()
    waiting.publish()
    #expect(waiting.read().words == ["1"])
    waiting.publish(at: 5)
    #expect(waiting.wakes == 2)
    #expect(waiting.read().words == ["reset"])
    let behind = Bench(.live(1))
    _ = behind.read()
    behind.publish()
    behind.publish(at: 5)
    #expect(behind.read().words == ["reset"])
    #expect(behind.journal.oldest == 5)
  }

  @Test("events that are still on their way when a reader begins are not for it") func later() {
    let bench = Bench(.live(3))
    _ = bench.read()
    for _ in 1...4 { bench.publish() }
    #expect(bench.read().words == ["3", "4"])
    let resumed = Bench(.replay(3))
    #expect(resumed.read().end == .nothing)
    for _ in 1...4 { resumed.publish() }
    #expect(resumed.read().words == ["3", "4"])
  }

  @Test("a heartbeat comes between frames") func heartbeat() {
    let bench = Bench(.live(1))
    _ = bench.read()
    #expect(bench.beat())
    #expect(!bench.beat())
    #expect(bench.read().words == ["heartbeat"])
    bench.publish()
    bench.publish()
    var piece = [UInt8](repeating: 0, count: 1)
    _ = piece.withUnsafeMutableBytes { bench.reader.read(into: $0, bench.journal) }
    #expect(!bench.beat())
    // The first byte of the first frame is gone already.
    #expect(bench.read().words == ["heartbeat", "2"])
  }

  @Test("the journal is bounded in bytes as well") func bytes() {
    let bench = Bench(.live(1))
    let size = 1 << 20
    for _ in 0..<40 { bench.publish(bytes: size) }
    #expect(bench.journal.next == 41)
    #expect(bench.journal.next - bench.journal.oldest == UInt64(EventJournal.bytesMax / size) - 1)
    // One that is larger than all of it is alone.
    bench.publish(bytes: 2 * EventJournal.bytesMax)
    #expect(bench.journal.oldest == 41)
    #expect(bench.journal[40] == nil)
    #expect(bench.journal[41] != nil)
    #expect(bench.journal[42] == nil)
  }
}
