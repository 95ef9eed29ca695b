/// Lines of multistream-select 1.0: a varint with the length, the text, a newline that the length counts.
package enum Multistream {
  /// Longest line taken, bytes with its newline (rust-libp2p and go-libp2p take as many).
  package static let lineSizeMaximum = 1_024
  /// Most proposals answered on one stream.
  package static let proposalsMaximum = 100

  /// `/multistream/1.0.0`, the first line of both sides.
  static let header = Self.line("/multistream/1.0.0")
  /// `na`: the proposal is not supported.
  static let notAvailable = Self.line("na")

  /// `text` as a line.
  static func line(_ text: String) -> [UInt8] {
    let size = text.utf8.count + 1
    precondition(size <= self.lineSizeMaximum, "protocol name too long")
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size + 2)
    Varint.append(UInt64(size), to: &bytes)
    bytes += text.utf8
    bytes.append(self.newline)
    return bytes
  }

  /// The line that starts at `index`, with its length, without its newline; nil until all of it is there. A line
  /// that is too long is refused when its length is known.
  static func nextLine(_ buffer: [UInt8], at index: Int) throws(NegotiationError) -> Range<Int>? {
    let length: (value: UInt64, next: Int)?
    do {
      length = try Varint.read(buffer, at: index, end: buffer.count)
    } catch {
      throw .malformed(error.description)
    }
    guard let (size, start) = length else { return nil }
    guard size > 0 else { throw .malformed("a line of no bytes") }
    guard size <= UInt64(self.lineSizeMaximum) else { throw .tooLong }
    let last = start + Int(size) - 1
    guard last < buffer.count else { return nil }
    guard buffer[last] == self.newline else { throw .malformed("a line without a newline at its end") }
    return start..<last
  }

  /// Whether the bytes of `buffer` in `range` are those of `line` without its length and newline.
  static func matches(_ buffer: [UInt8], _ range: Range<Int>, _ line: [UInt8]) -> Bool {
    let start = line.count - 1 - range.count
    guard start == (range.count + 1 < 0x80 ? 1 : 2) else { return false }
    for offset in 0..<range.count where buffer[range.lowerBound + offset] != line[start + offset] { return false }
    return true
  }

  /// Drops what has been read. The usual case, everything, costs no move.
  static func consume(_ buffer: inout [UInt8], upTo index: Int) {
    if index == buffer.count {
      buffer.removeAll(keepingCapacity: true)
    } else if index > 0 {
      buffer.removeFirst(index)
    }
  }

  private static let newline = UInt8(ascii: "\n")
}
