internal import Jansson
internal import MicroHTTP
internal import Synchronization

/// A long page, written as fast as the client takes it: what is held is the items, as they were when they were asked
/// for, and a few of them as text.
final class PageStream<Item: JSONWritable & Sendable>: HTTPStreamSource {
  /// Written at a time, on the server's thread, which serves others in between.
  private static var batch: Int { 8 }

  private let items: [Item]
  private let end: [UInt8]
  private let state: Mutex<State>

  private struct State {
    /// Of the item that is written next.
    var next = 0
    /// Written and not sent.
    var text: ArraySlice<UInt8>
    var hasEnded = false
  }

  /// - Parameter end: what follows the items, from the bracket that closes their array on.
  init(_ items: [Item], start: [UInt8], end: [UInt8]) {
    self.items = items
    self.end = end
    self.state = Mutex(State(text: start[...]))
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> HTTPStream.Supply {
    self.state.withLock { state in
      var count = 0
      while count < buffer.count {
        if state.text.isEmpty, !self.writeMore(&state) { break }
        let piece = state.text.prefix(buffer.count - count)
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).copyBytes(from: piece)
        state.text = state.text.dropFirst(piece.count)
        count += piece.count
      }
      return count == 0 ? .end : .bytes(count)
    }
  }

  /// False when all is written.
  private func writeMore(_ state: inout State) -> Bool {
    if state.next == self.items.count {
      guard !state.hasEnded else { return false }
      state.hasEnded = true
      state.text = self.end[...]
      return true
    }
    let range = state.next..<min(state.next + Self.batch, self.items.count)
    // Without the brackets, which are those of all batches together.
    state.text = JSONWriter.text { json in
      json.array { json in for index in range { self.items[index].write(to: &json) } }
    }.dropFirst().dropLast()
    if range.lowerBound > 0 { state.text = [UInt8(ascii: ",")] + state.text }
    state.next = range.upperBound
    return true
  }
}
