import Glibc
import Synchronization

/// Test processes may hold as many descriptors as the system lets them.
func raiseDescriptorLimit() {
  var limit = rlimit()
  getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  limit.rlim_cur = limit.rlim_max
  setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}

/// Many clients that follow the events on one thread, and check that each sees every number once and in order.
final class EventCrowd: Sendable {
  /// When events were published, and how long they took to the readers that stay.
  final class Times: @unchecked Sendable {
    // @unchecked: a slot of `published` is written before its event is published, which is before it is read; the
    // counts are the crowd's thread's until it has ended.
    let published: UnsafeMutablePointer<UInt64>
    /// By milliseconds.
    let counts: UnsafeMutablePointer<Int>
    static let countsMax = 10_000

    init(events: Int) {
      self.published = .allocate(capacity: events + 1)
      self.published.initialize(repeating: 0, count: events + 1)
      self.counts = .allocate(capacity: Self.countsMax)
      self.counts.initialize(repeating: 0, count: Self.countsMax)
    }

    deinit {
      self.published.deallocate()
      self.counts.deallocate()
    }

    static func now() -> UInt64 {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    func add(_ number: UInt64, at now: UInt64) {
      let milliseconds = Int((now - self.published[Int(number)]) / 1_000_000)
      self.counts[min(milliseconds, Self.countsMax - 1)] += 1
    }

    /// In milliseconds, rounded up.
    func quantile(_ part: Double) -> Int {
      let all = (0..<Self.countsMax).reduce(0) { $0 + self.counts[$1] }
      var rest = Int(Double(all) * part)
      for milliseconds in 0..<Self.countsMax {
        rest -= self.counts[milliseconds]
        if rest <= 0 { return milliseconds + 1 }
      }
      return Self.countsMax
    }
  }

  let times: Times
  let published = Atomic<UInt64>(0)
  /// Readers whose answer has begun.
  let begun = Atomic<Int>(0)
  /// The number that all readers that stay, and all that come and go, have seen.
  let slowestStaying = Atomic<UInt64>(0)
  let slowestWandering = Atomic<UInt64>(0)
  let reconnections = Atomic<Int>(0)
  private let givenUp = Atomic(false)
  private let outcome = Mutex<[String]?>(nil)

  /// - Parameter staying: readers that stay; after them `wandering` ones that leave and come back at random.
  init(port: UInt16, bootID: String, events: Int, staying: Int, wandering: Int, seed: UInt64) {
    self.times = Times(events: events)
    let thread = EventCrowdThread(
      crowd: self, port: port, bootID: bootID, events: UInt64(events), staying: staying, wandering: wandering,
      seed: seed)
    var handle = pthread_t()
    let body = Unmanaged.passRetained(thread).toOpaque()
    pthread_create(
      &handle, nil,
      { context in
        if let context { Unmanaged<EventCrowdThread>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, body)
    pthread_detach(handle)
  }

  /// What was wrong; nil while it runs.
  var faults: [String]? { self.outcome.withLock { $0 } }

  func giveUp() { self.givenUp.store(true, ordering: .relaxed) }
  var isGivenUp: Bool { self.givenUp.load(ordering: .relaxed) }

  fileprivate func end(_ faults: [String]) { self.outcome.withLock { $0 = faults } }
}

/// All of it on the crowd's thread.
private final class EventCrowdThread {
  let crowd: EventCrowd
  let port: UInt16
  let events: UInt64
  let staying: Int
  var readers: [EventCrowdReader]
  var faults: [String] = []
  var random: UInt64

  init(
    crowd: EventCrowd, port: UInt16, bootID: String, events: UInt64, staying: Int, wandering: Int, seed: UInt64
  ) {
    self.crowd = crowd
    self.port = port
    self.events = events
    self.staying = staying
    self.random = seed | 1
    self.readers = (0..<(staying + wandering)).map { _ in EventCrowdReader(bootID: bootID) }
  }

  /// xorshift64.
  func next(_ bound: UInt64) -> UInt64 {
    self.random ^= self.random << 13
    self.random ^= self.random >> 7
    self.random ^= self.random << 17
    return self.random % bound
  }

  func run() {
    for index in self.readers.indices {
      self.readers[index].connect(port: self.port)
      self.readers[index].leavesAt = index < self.staying ? .max : 1 + self.next(3_000)
    }
    let size = 65_536
    let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    defer { buffer.deallocate() }
    while !self.crowd.isGivenUp && self.faults.isEmpty {
      var ready = self.readers.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
      poll(&ready, nfds_t(ready.count), 20)
      for index in ready.indices where ready[index].revents != 0 {
        let count = recv(ready[index].fd, buffer, size, Int32(MSG_DONTWAIT))
        if count <= 0 {
          let why = count == 0 ? "the end" : String(cString: strerror(errno))
          self.faults.append(
            "reader \(index) after \(self.readers[index].last), \(self.readers[index].progress): \(why)")
          continue
        }
        self.take(index, UnsafeRawBufferPointer(start: buffer, count: count))
      }
      self.comeBack()
      let slowest = self.slowest(0..<self.staying)
      self.crowd.slowestStaying.store(slowest, ordering: .relaxed)
      let slowestWandering = self.slowest(self.staying..<self.readers.count)
      self.crowd.slowestWandering.store(slowestWandering, ordering: .relaxed)
      self.crowd.begun.store(self.readers.count { $0.hasBegun }, ordering: .relaxed)
      if slowest == self.events && slowestWandering == self.events { break }
    }
    for index in self.readers.indices { self.readers[index].disconnect() }
    if self.crowd.isGivenUp {
      self.faults.append("not all was seen; the last numbers are \(self.readers.map(\.last))")
    }
    self.crowd.end(self.faults)
  }

  private func slowest(_ range: Range<Int>) -> UInt64 { range.map { self.readers[$0].last }.min() ?? self.events }

  private func take(_ index: Int, _ bytes: UnsafeRawBufferPointer) {
    let now = EventCrowd.Times.now()
    let before = self.readers[index].last
    self.readers[index].feed(bytes)
    if let fault = self.readers[index].fault { self.faults.append("reader \(index): \(fault)") }
    let last = self.readers[index].last
    if index < self.staying {
      if last > before { for number in (before + 1)...last { self.crowd.times.add(number, at: now) } }
    } else if last >= self.readers[index].leavesAt {
      self.readers[index].disconnect()
      self.readers[index].leavesAt = last + 1 + self.next(6_000)
      self.readers[index].comesBackAt = last + self.next(3_000)
    }
  }

  private func comeBack() {
    let published = self.crowd.published.load(ordering: .acquiring)
    for index in self.readers.indices where self.readers[index].descriptor < 0 {
      guard published >= self.readers[index].comesBackAt || published == self.events else { continue }
      self.readers[index].connect(port: self.port)
      self.crowd.reconnections.add(1, ordering: .relaxed)
    }
  }
}

/// Reads a chunked body of events; with `memmem`, because millions of events are read in a debug build.
private struct EventCrowdReader {
  let bootID: String
  let idPrefix: [CChar]
  var descriptor: Int32 = -1
  var hasBegun = false
  var last: UInt64 = 0
  var leavesAt: UInt64 = .max
  var comesBackAt: UInt64 = 0
  var fault: String?

  /// The head, or a line with the size of a chunk.
  private var line: [UInt8] = []
  private var inHead = true
  private var chunkRest = 0
  /// Body bytes that no frame was made of yet.
  private var body: [UInt8] = []

  init(bootID: String) {
    self.bootID = bootID
    self.idPrefix = "id: \(bootID)-".utf8CString.dropLast()
  }

  /// How far the connection got.
  var progress: String { self.inHead ? "before the end of the head" : "\(self.body.count) bytes of an event" }

  mutating func connect(port: UInt16) {
    self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let code = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    if code != 0 { self.fault = "connect: \(String(cString: strerror(errno)))" }
    let cursor = self.last > 0 ? "Last-Event-ID: \(self.bootID)-\(self.last)\r\n" : ""
    let request = Array("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\(cursor)\r\n".utf8)
    send(self.descriptor, request, request.count, Int32(MSG_NOSIGNAL))
  }

  mutating func disconnect() {
    if self.descriptor >= 0 { close(self.descriptor) }
    self.descriptor = -1
    self.line = []
    self.inHead = true
    self.chunkRest = 0
    self.body = []
  }

  mutating func feed(_ bytes: UnsafeRawBufferPointer) {
    var offset = 0
    while offset < bytes.count {
      if self.chunkRest > 0 {
        let count = min(self.chunkRest, bytes.count - offset)
        self.body.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)]))
        self.chunkRest -= count
        offset += count
        continue
      }
      let byte = bytes[offset]
      offset += 1
      if byte == 13 { continue }
      if byte != 10 {
        self.line.append(byte)
        continue
      }
      if self.inHead {
        if self.line.isEmpty { self.inHead = false }
        self.hasBegun = true
      } else if !self.line.isEmpty {
        self.chunkRest = Int(String(decoding: self.line, as: UTF8.self), radix: 16) ?? 0
        if self.chunkRest == 0 { self.fault = "ended after \(self.last)" }
      }
      self.line = []
    }
    self.takeFrames()
  }

  private mutating func takeFrames() {
    var place = 0
    self.body.withUnsafeBytes { body in
      guard let start = body.baseAddress else { return }
      while self.fault == nil, let end = memmem(start + place, body.count - place, "\n\n", 2) {
        let frame = start + place
        if memcmp(frame, self.idPrefix, min(self.idPrefix.count, body.count - place)) == 0 {
          let digits = (frame + self.idPrefix.count).assumingMemoryBound(to: CChar.self)
          let number = UInt64(strtoull(digits, nil, 10))
          if number != self.last + 1 { self.fault = "\(number) follows \(self.last)" }
          self.last = number
        } else if memcmp(frame, "event:", 6) == 0 {
          let text = UnsafeRawBufferPointer(start: frame, count: UnsafeRawPointer(end) - UnsafeRawPointer(frame))
          self.fault = "after \(self.last): \(String(decoding: text, as: UTF8.self))"
        }
        place = UnsafeRawPointer(end) - UnsafeRawPointer(start) + 2
      }
    }
    self.body.removeFirst(place)
  }
}
