import P2PCore

let wireTargets = [
  FuzzTarget("varint", lengthMax: 32) { bytes in
    let read = accepted { () throws(WireError) in try Varint.read(bytes, at: 0, end: bytes.count) }
    if let (value, next) = read ?? nil {
      var again: [UInt8] = []
      Varint.append(value, to: &again)
      hold(again == Array(bytes[..<next]), "\(value) has one form")
      hold(again.count == Varint.size(of: value), "the size of \(value)")
    }
    let lax = accepted { () throws(WireError) in try ProtobufVarint.read(bytes, at: 0, end: bytes.count) }
    if let (value, next) = lax {
      var again: [UInt8] = []
      ProtobufVarint.append(value, to: &again)
      hold(again.count <= next && again.count == ProtobufVarint.size(of: value), "\(value) is written shortest")
      let (same, _) = own("\(value)") { () throws(WireError) in
        try ProtobufVarint.read(again, at: 0, end: again.count)
      }
      hold(same == value, "\(value) is read back")
    }
  },
  FuzzTarget("varint-framer") { bytes in
    let (whole, parts) = bytes.pieces
    let (messages, isRefused) = frames([whole])
    let (slow, isRefusedSlowly) = frames(parts)
    hold(messages == slow && isRefused == isRefusedSlowly, "frames do not depend on how they arrive")
  },
  FuzzTarget("protobuf") { bytes in
    guard let message = accepted({ () throws(WireError) in try fields(bytes) }) else { return }
    var writer = ProtobufWriter()
    for field in message {
      switch field.wireType {
      case .varint: writer.varint(field.number, own("a number") { () throws(WireError) in try field.varint() })
      case .delimited: writer.bytes(field.number, own("bytes") { () throws(WireError) in try field.bytes() })
      // Nothing here writes these.
      case .fixed32, .fixed64: return
      }
    }
    let again = own("a message") { () throws(WireError) in try fields(writer.bytes) }
    hold(again.map(\.number) == message.map(\.number), "field numbers are read back")
    for (field, same) in zip(message, again) {
      let isSame =
        switch field.wireType {
        case .delimited: own("bytes") { () throws(WireError) in try field.bytes() == same.bytes() }
        default: own("a number") { () throws(WireError) in try field.varint() == same.varint() }
        }
      hold(isSame, "field values are read back")
    }
  },
  FuzzTarget("identify") { bytes in
    guard let message = accepted({ () throws(WireError) in try IdentifyMessage(protobuf: bytes) }) else { return }
    hold(
      own("identify") { () throws(WireError) in try IdentifyMessage(protobuf: message.protobuf) } == message,
      "an identify message is read back")
  },
  FuzzTarget("signed-envelope") { bytes in
    guard let envelope = accepted({ () throws(WireError) in try SignedEnvelope(protobuf: bytes) }) else { return }
    hold(
      own("an envelope") { () throws(WireError) in try SignedEnvelope(protobuf: envelope.protobuf) } == envelope,
      "an envelope is read back")
    if SignedPeerRecord.signedBytes(of: envelope) != nil { checkRecord(envelope.payload) }
  },
  FuzzTarget("peer-record") { checkRecord($0) },
]

private func checkRecord(_ bytes: [UInt8]) {
  guard let record = accepted({ () throws(WireError) in try SignedPeerRecord(protobuf: bytes) }) else { return }
  hold(
    own("a record") { () throws(WireError) in try SignedPeerRecord(protobuf: record.protobuf) } == record,
    "a peer record is read back")
}

private func frames(_ parts: [[UInt8]]) -> (messages: [[UInt8]], isRefused: Bool) {
  var framer = VarintFramer(messageSizeMaximum: 1_024)
  var messages: [[UInt8]] = []
  do throws(WireError) {
    for part in parts {
      framer.append(part)
      while let message = try framer.next() { messages.append(message) }
    }
    return (messages, false)
  } catch {
    return (messages, true)
  }
}

private func fields(_ bytes: [UInt8]) throws(WireError) -> [ProtobufReader] {
  var reader = ProtobufReader(bytes)
  var fields: [ProtobufReader] = []
  while try reader.next() != nil { fields.append(reader) }
  return fields
}
