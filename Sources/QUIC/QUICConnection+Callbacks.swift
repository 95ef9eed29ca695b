import CNgtcp2
import GnuTLS

// What ngtcp2 and GnuTLS call, on the thread of the connection. The pointers that they hand back are not retained: a
// connection outlives its ngtcp2 object, which it frees, and holds its streams until ngtcp2 has let go of them.

/// Judges the remote's certificate during the handshake.
let verifyPeer: TLSContext.VerifyFunction = { session in
  guard let session, let owner = cng_owner_of_session(UnsafeMutableRawPointer(session)) else {
    return TLSContext.certificateRefused
  }
  let connection = Unmanaged<QUICConnection>.fromOpaque(owner).takeUnretainedValue()
  return connection.verify(session) ? 0 : TLSContext.certificateRefused
}

private func connection(_ owner: UnsafeMutableRawPointer?) -> QUICConnection {
  Unmanaged<QUICConnection>.fromOpaque(owner!).takeUnretainedValue()
}

private func stream(_ pointer: UnsafeMutableRawPointer?) -> QUICStream? {
  pointer.map { Unmanaged<QUICStream>.fromOpaque($0).takeUnretainedValue() }
}

// Written once, before the first connection, and only read afterwards.
nonisolated(unsafe) private let callbacks: UnsafePointer<cng_callbacks> = {
  let table = UnsafeMutablePointer<cng_callbacks>.allocate(capacity: 1)
  table.initialize(
    to: cng_callbacks(
      handshake_completed: { connection($0).handshakeCompleted() },
      handshake_confirmed: { connection($0).handshakeConfirmed() },
      stream_opened: { connection($0).remoteOpened($1) ? 0 : -1 },
      stream_data: { _, pointer, _, data, length, finished in
        stream(pointer)?.didReceive(UnsafeBufferPointer(start: data, count: length), finished: finished)
        return 0
      },
      stream_acknowledged: { stream($1)?.didAcknowledge(upTo: $2) },
      stream_closed: { owner, pointer, _ in
        if let stream = stream(pointer) { connection(owner).closed(stream) }
      },
      stream_reset: { stream($1)?.didReset(code: $2) },
      stream_writable: { owner, pointer in
        if let stream = stream(pointer) { connection(owner).enqueue(stream) }
      },
      streams_available: { connection($0).wakeStreamWaiters() },
      cid_added: {
        let connection = connection($0)
        connection.owner.connection(connection, added: ConnectionID($1!.pointee))
      },
      cid_removed: {
        let connection = connection($0)
        connection.owner.connection(connection, removed: ConnectionID($1!.pointee))
      },
      reset_token: {
        let connection = connection($0)
        connection.owner.connection(connection, resetToken: ResetToken($1!), isActive: $2)
      },
      path_validated: { connection($0).pathValidated($1) },
      stateless_reset: { connection($0).statelesslyReset() }
    ))
  return UnsafePointer(table)
}()

private let callbacksInstalled: Void = cng_set_callbacks(callbacks)
/// Before the first connection; later calls do nothing.
func installCallbacks() { callbacksInstalled }
