import P2PCore
import P2PHost
import Testing

@testable import Federation

/// The vectors that a second implementation passes as well; PROTOCOL.md says how they are used.
@Suite("The protocol's test vectors")
struct VectorTests {
  struct FrameVector: Decodable {
    let name: String
    let frame: String
    let message: MessageVector?
    let error: String?
    /// The message, written again, is the same bytes.
    let canonical: Bool?
  }

  @Test("frames are decoded or refused, and written as they were read")
  func frames() throws {
    let vectors: [FrameVector] = try loadVectors("frames")
    #expect(vectors.count > 80)
    for vector in vectors {
      let frame = try bytes(hex: vector.frame)
      do {
        let message = try Message(frame: frame)
        #expect(vector.error == nil, "\(vector.name)")
        #expect(message.map { MessageVector($0) } == vector.message, "\(vector.name)")
        if vector.canonical == true { #expect(message?.frame == frame, "\(vector.name)") }
      } catch {
        #expect(vector.error == "malformed", "\(vector.name): \(error)")
      }
    }
  }

  struct FramingVector: Decodable {
    let name: String
    let limit: Int
    let bytes: String
    let frames: [String]
    let end: String
  }

  @Test("a stream is cut into frames, however its bytes arrive", arguments: [1, 2, 3, 1000])
  func framing(size: Int) async throws {
    let vectors: [FramingVector] = try loadVectors("framing")
    for vector in vectors {
      let stream = ScriptedStream(try bytes(hex: vector.bytes), pieces: size)
      let reader = FrameReader(ProtocolStream(stream), limit: vector.limit)
      var frames: [String] = []
      let end: String
      do {
        while let frame = try await reader.next() { frames.append(hex(frame)) }
        end = "clean"
      } catch {
        end = Self.word(error)
      }
      #expect(frames == vector.frames, "\(vector.name)")
      #expect(end == vector.end, "\(vector.name)")
    }
  }

  private static func word(_ error: ProtocolStreamError) -> String {
    switch error {
    case .messageTooLong: "too_large"
    case .violation: "malformed"
    case .unexpectedEnd: "cut_short"
    case .stream, .notNegotiated, .frameTooLong: "\(error)"
    }
  }

  struct ResponderVector: Decodable {
    let name: String
    let offer: OfferVector
    let protocolId: String
    let isMember, bytesBehind: Bool
    let receivedMs, nowMs: UInt64
    let frame: String
    let accept: String?
    let agreement: AgreementVector?
    let reject: String?
  }

  @Test("a responder accepts or rejects")
  func responder() throws {
    let vectors: [ResponderVector] = try loadVectors("responder")
    for vector in vectors {
      var responder = HandshakeResponder(offer: try vector.offer.offer(), protocolID: vector.protocolId)
      let outcome = responder.received(
        try bytes(hex: vector.frame), isMember: vector.isMember, bytesBehind: vector.bytesBehind,
        receivedMilliseconds: vector.receivedMs, nowMilliseconds: vector.nowMs)
      switch outcome {
      case .accept(let agreement, let frame):
        #expect(AgreementVector(agreement) == vector.agreement, "\(vector.name)")
        #expect(hex(frame) == vector.accept, "\(vector.name)")
        #expect(agreement.sinceMilliseconds == vector.nowMs)
      case .reject(let rejection, let frame):
        #expect(rejection.code.word == vector.reject, "\(vector.name): \(rejection)")
        #expect(
          try Message(frame: frame) == .reject(Reject(code: rejection.code, reason: rejection.reason)),
          "\(vector.name)")
        #expect(rejection.by == .local)
      case .nothing: Issue.record("\(vector.name): no answer")
      }
    }
  }

  struct InitiatorVector: Decodable {
    let name: String
    let offer: OfferVector
    let protocolId: String
    let helloMs, nowMs: UInt64
    let hello, frame: String
    let agreement: AgreementVector?
    let reject, by: String?
  }

  @Test("an initiator takes an answer or refuses it")
  func initiator() throws {
    let vectors: [InitiatorVector] = try loadVectors("initiator")
    for vector in vectors {
      var initiator = HandshakeInitiator(offer: try vector.offer.offer())
      #expect(hex(initiator.start(nowMilliseconds: vector.helloMs)) == vector.hello, "\(vector.name)")
      let outcome = initiator.received(
        try bytes(hex: vector.frame), protocolID: vector.protocolId, nowMilliseconds: vector.nowMs)
      switch outcome {
      case .agreed(let agreement):
        #expect(AgreementVector(agreement) == vector.agreement, "\(vector.name)")
      case .rejected(let rejection, let frame):
        #expect(rejection.code.word == vector.reject, "\(vector.name): \(rejection)")
        #expect(rejection.by.rawValue == vector.by, "\(vector.name)")
        #expect((frame == nil) == (rejection.by == .remote), "\(vector.name)")
      case .nothing: Issue.record("\(vector.name): no answer")
      }
    }
  }

  struct SessionVector: Decodable {
    let name: String
    let nowMs: UInt64
    let frame: String
    let send: String?
    let over, by: String?
  }

  @Test("a session answers, skips or ends")
  func session() throws {
    let vectors: [SessionVector] = try loadVectors("session")
    for vector in vectors {
      var session = Session(try agreement(), now: .zero)
      let outcome = session.received(try bytes(hex: vector.frame), now: .seconds(1), nowMilliseconds: vector.nowMs)
      switch outcome {
      case .nothing, .measured:
        #expect(vector.send == nil && vector.over == nil, "\(vector.name)")
      case .send(let frame):
        #expect(hex(frame) == vector.send, "\(vector.name)")
      case .over(let rejection, let frame):
        #expect(rejection.code.word == vector.over, "\(vector.name): \(rejection)")
        #expect(rejection.by.rawValue == vector.by, "\(vector.name)")
        #expect((frame == nil) == (rejection.by == .remote), "\(vector.name)")
      }
    }
  }
}
