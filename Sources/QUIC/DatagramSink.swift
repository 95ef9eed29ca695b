import CNgtcp2

/// Where packets go: sockets, or a simulated network.
protocol DatagramSink: AnyObject {
  /// Sends `bytes` as datagrams of `segment` bytes (the last may be shorter). False when there is no room now; then the
  /// sink has kept these bytes and nothing more may be sent until it says so.
  func send(_ bytes: UnsafeRawBufferPointer, segment: Int, route: borrowing cng_route) -> Bool
}
