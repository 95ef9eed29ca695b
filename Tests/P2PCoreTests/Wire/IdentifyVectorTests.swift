import Testing

@testable import P2PCore

/// `identify.json`: answers of go-, rust- and js-libp2p as sent on 2026-11-22.
struct IdentifyVectors: Decodable, Sendable {
  struct Vector: Decodable, Sendable, CustomTestStringConvertible {
    struct Record: Decodable, Sendable {
      var publicKeyHex: String
      var payloadTypeHex: String
      var signatureHex: String
      var peerIdHex: String
      var sequence: UInt64
      var addressesHex: [String]
      var domain: String
    }
    var name: String
    var peerId: String
    var messageHex: String
    var publicKeyHex: String
    var listenAddressesHex: [String]
    var protocols: [String]
    var observedAddressHex: String
    var protocolVersion: String
    var agentVersion: String
    var signedPeerRecord: Record?

    var testDescription: String { self.name }
  }
  var vectors: [Vector]

  static let all: [Vector] = {
    do {
      let loaded: IdentifyVectors = try loadVectors("identify")
      return loaded.vectors
    } catch {
      preconditionFailure("identify.json: \(error)")
    }
  }()
}

@Suite("Vectors of identify")
struct IdentifyVectorTests {
  @Test("answers of other implementations are read in full", arguments: IdentifyVectors.all)
  func answers(vector: IdentifyVectors.Vector) throws {
    var framer = VarintFramer(messageSizeMaximum: IdentifyMessage.sizeMaximum)
    framer.append(bytes(hex: vector.messageHex))
    let body = try #require(try framer.next())
    #expect(!framer.isWithinMessage)
    let message = try IdentifyMessage(protobuf: body)
    let key = try #require(message.publicKey)
    #expect(hex(key) == vector.publicKeyHex)
    #expect(message.listenAddresses.map { hex($0.bytes) } == vector.listenAddressesHex)
    #expect(message.protocols == vector.protocols)
    #expect(message.observedAddress.map { hex($0.bytes) } == vector.observedAddressHex)
    #expect(message.protocolVersion ?? "" == vector.protocolVersion)
    #expect(message.agentVersion == vector.agentVersion)
    #expect(try PeerID(publicKey: PublicKey(protobuf: key), sha256: SHA256.hash).description == vector.peerId)
    #expect(try IdentifyMessage(protobuf: message.protobuf) == message)
  }

  @Test("signed records of other implementations are read in full", arguments: IdentifyVectors.all)
  func records(vector: IdentifyVectors.Vector) throws {
    let record = try #require(vector.signedPeerRecord)
    var framer = VarintFramer(messageSizeMaximum: IdentifyMessage.sizeMaximum)
    framer.append(bytes(hex: vector.messageHex))
    let message = try IdentifyMessage(protobuf: #require(try framer.next()))
    let raw = try #require(message.signedPeerRecord)
    let envelope = try SignedEnvelope(protobuf: raw)
    #expect(hex(envelope.publicKey) == record.publicKeyHex)
    #expect(hex(envelope.payloadType) == record.payloadTypeHex)
    #expect(hex(envelope.signature) == record.signatureHex)
    #expect(envelope.protobuf == raw)
    let content = try SignedPeerRecord(protobuf: envelope.payload)
    #expect(hex(content.peerID.bytes) == record.peerIdHex)
    #expect(content.sequence == record.sequence)
    #expect(content.addresses.map { hex($0.bytes) } == record.addressesHex)
    #expect(content.protobuf == envelope.payload)

    let covered = try #require(SignedPeerRecord.signedBytes(of: envelope))
    let domain = Array(record.domain.utf8)
    #expect(covered.starts(with: [UInt8(domain.count)] + domain + [UInt8(envelope.payloadType.count)]))
    #expect(covered.suffix(envelope.payload.count).elementsEqual(envelope.payload))
  }
}
