internal import CMicroHTTPD

/// Gives a stream's bytes to the library as it asks for them.
final class StreamReader {
  private let stream: HTTPStream
  private let connection: OpaquePointer
  private let exchange: Exchange
  private let watch: Watch

  private init(stream: HTTPStream, connection: OpaquePointer, exchange: Exchange, watch: Watch) {
    self.stream = stream
    self.connection = connection
    self.exchange = exchange
    self.watch = watch
  }

  /// The library's response object; it owns the reader.
  static func response(
    _ stream: HTTPStream, connection: OpaquePointer, exchange: Exchange, watch: Watch
  ) -> OpaquePointer? {
    let reader = StreamReader(stream: stream, connection: connection, exchange: exchange, watch: watch)
    let context = Unmanaged.passRetained(reader).toOpaque()
    let response = MHD_create_response_from_callback(
      CMICROHTTPD_SIZE_UNKNOWN, Self.blockBytes,
      { context, _, buffer, count in
        guard let context, let buffer else { return Int(MHD_CONTENT_READER_END_WITH_ERROR) }
        let reader = Unmanaged<StreamReader>.fromOpaque(context).takeUnretainedValue()
        return reader.read(UnsafeMutableRawBufferPointer(start: buffer, count: count))
      }, context,
      { context in
        if let context { Unmanaged<StreamReader>.fromOpaque(context).release() }
      })
    if response == nil { Unmanaged<StreamReader>.fromOpaque(context).release() }
    return response
  }

  /// Of the library's buffer for answers that are not sent in chunks (HTTP/1.0).
  private static let blockBytes = 4096

  private func read(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    switch self.stream.read(into: buffer, connection: self.connection) {
    case .bytes(let count):
      return count
    case .end:
      return Int(MHD_CONTENT_READER_END_OF_STREAM)
    case .aborted:
      // Not with an error: libmicrohttpd 0.9.75 keeps the socket of a connection that it closes for one until no older
      // connection is left, which one that never reads may be for as long as its time allows. Writing the end fails
      // where the client is gone, and that closes it at once.
      return Int(MHD_CONTENT_READER_END_OF_STREAM)
    case .suspended:
      self.watch.hangUp(of: self.exchange.connection)
      return 0
    }
  }
}
