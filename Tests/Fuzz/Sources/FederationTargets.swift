import Federation
import P2PCore

let federationTargets = [
  FuzzTarget("semantic-version", lengthMax: 64) { bytes in
    guard let text = text(bytes) else { return }
    if let version = SemanticVersion(text) { hold(version.description == text, "\(version) has one form") }
    let spoken = FederationProtocol.spoken
    if let version = spoken.version(ofID: text) { hold(spoken.id(of: version) == text, "\(text) has one form") }
  },
  FuzzTarget("federation-frame") { bytes in
    guard let message = message(bytes) else { return }
    let again = own(message.name) { () throws(WireError) in try Message(frame: message.frame) }
    hold(again == message, "\(message.name) is read back")
  },
  FuzzTarget("federation-responder") { bytes in
    guard let (choice, frame) = bytes.choice else { return }
    var responder = HandshakeResponder(offer: offer, protocolID: offer.spoken.ids[choice % offer.spoken.ids.count])
    let outcome = responder.received(
      frame, isMember: choice & 64 == 0, bytesBehind: choice & 128 != 0, receivedMilliseconds: now,
      nowMilliseconds: now + 1)
    switch outcome {
    case .accept(let agreement, let send):
      guard case .accept(let accept)? = message(send) else { fatalError("broken: an accept is one") }
      hold(accept.version == agreement.version, "both sides hear of one version")
      hold(choice & (64 | 128) == 0, "neither strangers nor early bytes are accepted")
    case .reject(let rejection, let send): checkRejection(rejection, send)
    case .nothing: fatalError("broken: a hello is answered")
    }
    hold(
      isNothing(
        responder.received(frame, isMember: true, bytesBehind: false, receivedMilliseconds: 0, nowMilliseconds: 0)),
      "there is one answer")
  },
  FuzzTarget("federation-initiator") { bytes in
    guard let (choice, frame) = bytes.choice else { return }
    var initiator = HandshakeInitiator(offer: offer)
    _ = initiator.start(nowMilliseconds: now)
    let id = offer.spoken.ids[choice % offer.spoken.ids.count]
    switch initiator.received(frame, protocolID: id, nowMilliseconds: now + UInt64(choice)) {
    case .agreed(let agreement):
      hold(offer.spoken.accepts(id)?.matches(agreement.version) == true, "what was negotiated is spoken")
      hold(Set(agreement.capabilities).isSubset(of: offer.capabilities), "only what was offered is agreed on")
    case .rejected(let rejection, let send):
      if let send { checkRejection(rejection, send) }
    case .nothing: fatalError("broken: an answer has an outcome")
    }
  },
  FuzzTarget("federation-session") { bytes in
    // A frame behind its length after another.
    var framer = VarintFramer(messageSizeMaximum: 4_096)
    framer.append(bytes)
    var session = Session(agreement, now: .zero)
    var clock = Duration.zero
    while let frame = accepted({ () throws(WireError) in try framer.next() }) ?? nil {
      clock += .seconds(3)
      let nowMilliseconds = now + UInt64(clock / .milliseconds(1))
      _ = session.timer(now: clock, nowMilliseconds: nowMilliseconds)
      switch session.received(frame, now: clock, nowMilliseconds: nowMilliseconds) {
      case .send(let reply): hold(message(reply) != nil, "an answer is one")
      case .over(let rejection, let send):
        if let send { checkRejection(rejection, send) }
        return
      case .nothing, .measured: break
      }
    }
  },
]

/// Milliseconds since the Unix epoch, as in the corpus.
private let now: UInt64 = 1_790_000_000_000

private let offer = own("an offer") { () throws(WireError) in
  try Offer(
    spoken: VersionedProtocol(
      name: FederationProtocol.name,
      versions: [
        SemanticVersion(major: 1, minor: 0, patch: 0), SemanticVersion(major: 1, minor: 3, patch: 0),
        SemanticVersion(major: 2, minor: 0, patch: 0),
      ]),
    network: "regtest", agent: "fuzz/1", capabilities: ["escrow", "x-ping"])
}

/// What two sides with this offer agree on.
private let agreement: Agreement = {
  var initiator = HandshakeInitiator(offer: offer)
  var responder = HandshakeResponder(offer: offer, protocolID: offer.spoken.ids[0])
  let outcome = responder.received(
    initiator.start(nowMilliseconds: now), isMember: true, bytesBehind: false, receivedMilliseconds: now,
    nowMilliseconds: now)
  guard case .accept(let agreement, _) = outcome else { fatalError("broken: our own hello is accepted") }
  return agreement
}()

private func message(_ frame: [UInt8]) -> Message? {
  accepted { () throws(WireError) in try Message(frame: frame) } ?? nil
}

private func checkRejection(_ rejection: Rejection, _ send: [UInt8]) {
  guard case .reject(let reject)? = message(send) else { fatalError("broken: a reject is one") }
  hold(reject.code == rejection.code, "the remote hears why")
}

private func isNothing(_ outcome: HandshakeResponder.OnFrame) -> Bool {
  if case .nothing = outcome { true } else { false }
}

extension [UInt8] {
  /// The first byte, which chooses the circumstances, and the frame behind it.
  fileprivate var choice: (Int, [UInt8])? { self.first.map { (Int($0), Array(self.dropFirst())) } }
}
