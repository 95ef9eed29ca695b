import Testing

@testable import P2PCore

@Suite("Identify messages")
struct IdentifyTests {
  @Test("an empty message says nothing")
  func empty() throws {
    let message = try IdentifyMessage(protobuf: [])
    #expect(message == IdentifyMessage())
    #expect(message.protobuf.isEmpty)
  }

  @Test("addresses that cannot be read are left out, the rest counts")
  func unreadableAddresses() throws {
    let good = try Multiaddr("/ip4/192.0.2.7/udp/9000/quic-v1")
    let long = try Multiaddr("/dns4/" + String(repeating: "a", count: 2_000))
    var writer = ProtobufWriter()
    writer.bytes(2, [0xFF])
    writer.bytes(2, good.bytes)
    writer.bytes(2, long.bytes)
    writer.bytes(4, [])
    writer.bytes(7, [1])
    let message = try IdentifyMessage(protobuf: writer.bytes)
    #expect(message.listenAddresses == [good])
    #expect(message.observedAddress == nil)
  }

  @Test("of a field that is given twice the last one counts")
  func duplicates() throws {
    var writer = ProtobufWriter()
    writer.string(6, "old")
    writer.string(6, "new")
    #expect(try IdentifyMessage(protobuf: writer.bytes).agentVersion == "new")
  }

  @Test("at most 1,024 protocols and addresses are kept")
  func maxima() throws {
    var writer = ProtobufWriter()
    for _ in 0..<2_000 { writer.string(3, "/x") }
    for _ in 0..<2_000 { writer.bytes(2, try Multiaddr("/ip4/192.0.2.7").bytes) }
    let message = try IdentifyMessage(protobuf: writer.bytes)
    #expect(message.protocols.count == 1_024)
    #expect(message.listenAddresses.count == 1_024)
  }

  @Test("more than 64 KiB are refused")
  func tooLong() {
    let error = WireError.tooLong(size: 65_537, maximum: 65_536)
    let long = [UInt8](repeating: 0, count: 65_537)
    #expect(throws: error) { try IdentifyMessage(protobuf: long) }
    #expect(throws: error) { try SignedEnvelope(protobuf: long) }
    #expect(throws: error) { try SignedPeerRecord(protobuf: long) }
  }

  @Test("a text that is not UTF-8 is refused", arguments: [3, 5, 6] as [UInt32])
  func notUTF8(field: UInt32) {
    var writer = ProtobufWriter()
    writer.bytes(field, [0xC3])
    #expect(throws: WireError.malformed("field \(field) is not UTF-8")) {
      try IdentifyMessage(protobuf: writer.bytes)
    }
  }

  @Test("an envelope without one of its parts is refused", arguments: [1, 2, 3, 5] as [UInt32])
  func incompleteEnvelope(missing: UInt32) {
    var writer = ProtobufWriter()
    for field in [1, 2, 3, 5] as [UInt32] where field != missing { writer.bytes(field, [1]) }
    #expect(throws: WireError.malformed("key, type, payload or signature is missing")) {
      try SignedEnvelope(protobuf: writer.bytes)
    }
  }

  @Test("a record without a peer id, or with a bad one, is refused")
  func badRecord() {
    #expect(throws: WireError.malformed("the peer id is missing")) { try SignedPeerRecord(protobuf: [0x10, 0x01]) }
    #expect(throws: WireError.self) { try SignedPeerRecord(protobuf: [0x0A, 0x01, 0x00]) }
  }

  @Test(
    "the signature covers domain, type and payload, each behind its length",
    arguments: SignedPeerRecord.Variant.allCases)
  func covered(variant: SignedPeerRecord.Variant) throws {
    let envelope = SignedEnvelope(publicKey: [], payloadType: variant.payloadType, payload: [7, 8, 9], signature: [])
    var expected = [UInt8(variant.domain.utf8.count)] + Array(variant.domain.utf8)
    expected += [UInt8(variant.payloadType.count)] + variant.payloadType + [3, 7, 8, 9]
    #expect(SignedPeerRecord.signedBytes(of: envelope) == expected)
  }

  @Test("an envelope of another type is no record")
  func otherType() {
    let envelope = SignedEnvelope(publicKey: [], payloadType: [0x01], payload: [], signature: [])
    #expect(SignedPeerRecord.signedBytes(of: envelope) == nil)
  }
}
