import Testing

@testable import QUIC

@Suite struct ReceiveBufferTests {
  static func append(_ bytes: [UInt8], to buffer: inout ReceiveBuffer) {
    bytes.withUnsafeBufferPointer { buffer.append($0) }
  }

  @Test("bytes come out as they went in, whatever the pieces", arguments: 1...10)
  func pieces(_ seed: UInt64) {
    var random = SeededGenerator(state: seed)
    var buffer = ReceiveBuffer()
    var expected: [UInt8] = []
    var got: [UInt8] = []
    for _ in 0..<100 {
      if Bool.random(using: &random) {
        let count = Int.random(in: 0...(Bool.random(using: &random) ? 20 : 70_000), using: &random)
        let first = UInt8.random(in: 0...255, using: &random)
        let bytes = (0..<count).map { first &+ UInt8(truncatingIfNeeded: $0) }
        Self.append(bytes, to: &buffer)
        expected += bytes
      } else {
        let maximum = Int.random(in: 0...(Bool.random(using: &random) ? 10 : 200_000), using: &random)
        let bytes = buffer.take(upTo: maximum)
        #expect(bytes.count <= maximum && (maximum == 0 || expected.count == got.count || !bytes.isEmpty))
        got += bytes
      }
      #expect(buffer.count == expected.count - got.count)
    }
    while !buffer.isEmpty { got += buffer.take(upTo: 1 << 20) }
    #expect(got == expected)
  }

  @Test("what is lent comes back with what was appended, and the rest is kept")
  func lent() {
    var buffer = ReceiveBuffer()
    var message: [UInt8] = [1, 2]
    message.reserveCapacity(1_000)
    let room = message.capacity - 2
    let place = message.withUnsafeBufferPointer { $0.baseAddress }
    buffer.lend(&message)
    #expect(buffer.isEmpty && message.isEmpty)
    Self.append([UInt8](repeating: 3, count: 500), to: &buffer)
    #expect(buffer.count == 500)
    Self.append([UInt8](repeating: 4, count: room), to: &buffer)
    #expect(buffer.takeBack(&message) == room)
    #expect(message.count == room + 2 && message.prefix(3) == [1, 2, 3] && message.last == 4)
    #expect(message.withUnsafeBufferPointer { $0.baseAddress } == place)
    #expect(buffer.take(upTo: 1_000) == [UInt8](repeating: 4, count: 500))
    #expect(buffer.isEmpty)
    #expect(buffer.takeBack(&message) == 0)
  }

  @Test("a second reader takes what came, and the array of the first one goes back to it")
  func secondReader() {
    var buffer = ReceiveBuffer()
    var message: [UInt8] = [1, 2]
    message.reserveCapacity(100)
    let room = message.capacity - 2
    buffer.lend(&message)
    Self.append([3, 4, 5], to: &buffer)
    #expect(buffer.take(upTo: 2) == [3, 4])
    Self.append([6], to: &buffer)
    #expect(buffer.take(upTo: 10) == [5, 6])
    #expect(buffer.isEmpty)
    Self.append([UInt8](repeating: 7, count: room + 1), to: &buffer)
    #expect(buffer.takeBack(&message) == room)
    #expect(message == [1, 2] + [UInt8](repeating: 7, count: room))
    #expect(buffer.take(upTo: 10) == [7] && buffer.isEmpty)
  }

  @Test("a block is read as it was received, without a copy")
  func whole() {
    var buffer = ReceiveBuffer()
    for _ in 0..<60 { Self.append([UInt8](repeating: 1, count: 1_400), to: &buffer) }
    #expect(buffer.take(upTo: 1 << 20).count >= ReceiveBuffer.chunkBytes)
    #expect(buffer.take(upTo: 1 << 20).count <= 60 * 1_400 - ReceiveBuffer.chunkBytes)
    #expect(buffer.isEmpty)
  }

  @Test("bytes that come one by one do not get an array each")
  func single() {
    var buffer = ReceiveBuffer()
    for _ in 0..<5_000 { Self.append([1], to: &buffer) }
    var reads = 0
    while !buffer.isEmpty {
      _ = buffer.take(upTo: 1 << 20)
      reads += 1
    }
    #expect(reads <= 12)
  }
}
