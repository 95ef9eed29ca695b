/// Lines of multistream-select 1.0: a varint with the length, the text, a newline that the length counts.
package enum Multistream {
  /// Longest line taken, bytes with its newline (rust-libp2p and go-libp2p take as many).
  package static let lineSizeMaximum = 1_024
  /// Most proposals answered on one stream.
  package static let proposalsMaximum = 100

  /// The first line of both sides.
  static let headerName = "/multistream/1.0.0"
  static let header = Self.line(Self.headerName)
  /// The answer to a proposal that is not supported.
  static let notAvailableName = "na"
  static let notAvailable = Self.line(Self.notAvailableName)

  /// `text` as a line.
  static func line(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count + 3)
    Self.append(text, to: &bytes)
    return bytes
  }

  static func append(_ text: String, to bytes: inout [UInt8]) {
    let size = text.utf8.count + 1
    precondition(size <= self.lineSizeMaximum, "protocol name too long")
    Varint.append(UInt64(size), to: &bytes)
    bytes.append(contentsOf: text.utf8)
    bytes.append(self.newline)
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

  /// Whether the bytes of `buffer` in `range` are those of `text`.
  static func matches(_ buffer: [UInt8], _ range: Range<Int>, _ text: String) -> Bool {
    guard text.utf8.count == range.count else { return false }
    return text.utf8.elementsEqual(buffer[range])
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
