/// Where an `HTTPServer` listens, and its limits.
package struct HTTPServerConfiguration: Sendable {
  /// A numeric IPv4 or IPv6 address.
  package var address: String
  /// 0: any free one.
  package var port: UInt16
  /// Of a Unix socket to listen on instead of `address` and `port`. One that nobody listens on is replaced.
  package var socketPath: String?
  /// Who may connect to it: permission bits.
  package var socketMode: UInt32 = 0o660
  /// Nil: without encryption.
  package var tls: TLSFiles?
  /// Open at one time; further ones wait in the kernel's backlog.
  package var connectionsMax: Int = 2_048
  /// Open at one time from one IP address; further ones are closed at once. Fewer than all, so that one client leaves
  /// room for another.
  package var connectionsPerAddressMax: Int = 1_536
  /// Of the body of a request; more is 413.
  package var bodyBytesMax: Int = 64 * 1024
  /// Of a request target; more is 414 (RFC 9110 §4.1 asks for 8,000 at least).
  package var targetBytesMax: Int = 8 * 1024
  /// In a query; more is 400. The library keeps each of them in the connection's memory.
  package var queryParametersMax: Int = 128
  /// Of a connection's memory, which headers must fit into; more is 431.
  package var connectionMemoryBytes: Int = 32 * 1024
  /// For headers and body together, from the first byte of a connection or the request line of a later request.
  package var receiveTimeout: Duration = .seconds(5)
  /// Between requests of one connection.
  package var idleTimeout: Duration = .seconds(60)
  /// Without progress in sending an answer. Whole seconds.
  package var sendTimeout: Duration = .seconds(60)

  package init(address: String = "127.0.0.1", port: UInt16) {
    self.address = address
    self.port = port
  }
}

/// A server that could not start: what was tried and what the system said.
package struct HTTPServerError: Error, Sendable, Equatable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
