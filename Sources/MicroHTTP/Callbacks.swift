internal import CMicroHTTPD

// The library's callbacks, all on its thread. A context pointer is the `ServerCore`, which the server's watching
// thread keeps until the library has stopped; a connection's pointer owns its `ClientConnection` and a request's its
// `Exchange`.

private func core(_ context: UnsafeMutableRawPointer?) -> ServerCore? {
  context.map { Unmanaged<ServerCore>.fromOpaque($0).takeUnretainedValue() }
}

func connectionCallback(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ what: MHD_ConnectionNotificationCode
) {
  guard let core = core(context), let connection, let slot else { return }
  switch what {
  case .CONNECTION_NOTIFY_STARTED:
    slot.pointee = Unmanaged.passRetained(core.opened(connection)).toOpaque()
  case .CONNECTION_NOTIFY_CLOSED:
    guard let client = slot.pointee else { return }
    core.closed(Unmanaged<ClientConnection>.fromOpaque(client).takeRetainedValue())
    slot.pointee = nil
  @unknown default:
    break
  }
}

func requestLineCallback(
  _ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
  guard let core = core(context), let connection, let client = cmicrohttpd_socket_context(connection) else {
    return nil
  }
  let exchange = core.began(
    Unmanaged<ClientConnection>.fromOpaque(client).takeUnretainedValue(),
    rawTarget: target.map { String(cString: $0) } ?? "")
  return Unmanaged.passRetained(exchange).toOpaque()
}

func accessCallback(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>?,
  _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ body: UnsafePointer<CChar>?,
  _ bodyCount: UnsafeMutablePointer<Int>?, _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  guard let core = core(context), let connection, let method, let version, let bodyCount,
    let exchange = slot?.pointee
  else { return .NO }
  let bytes = UnsafeRawBufferPointer(start: body, count: bodyCount.pointee)
  bodyCount.pointee = 0
  let goesOn = core.access(
    Unmanaged<Exchange>.fromOpaque(exchange).takeUnretainedValue(), connection, method: String(cString: method),
    version: version, body: bytes)
  return goesOn ? .YES : .NO
}

func completedCallback(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ why: MHD_RequestTerminationCode
) {
  guard let core = core(context), let exchange = slot?.pointee else { return }
  core.completed(Unmanaged<Exchange>.fromOpaque(exchange).takeRetainedValue())
  slot?.pointee = nil
}
