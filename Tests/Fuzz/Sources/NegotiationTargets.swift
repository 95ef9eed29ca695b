import P2PCore

let negotiationTargets = [
  FuzzTarget("multistream-initiator") { bytes in
    let (whole, parts) = bytes.pieces
    initiate([whole]).mustBe(initiate(parts))
  },
  FuzzTarget("multistream-responder") { bytes in
    let (whole, parts) = bytes.pieces
    respond([whole]).mustBe(respond(parts))
  },
]

private let protocols = ["/ipfs/id/1.0.0", "/a", "vtcp/btc-foundation/v1.0.0"]

/// How a negotiation ended.
private struct Outcome {
  var agreed: String?
  var isRefused = false
  /// Until the end; a refusal may cut it short where the cause arrives together with what was to be answered.
  var sent: [UInt8] = []
  /// What follows the negotiation and is the protocol's.
  var rest: [UInt8] = []

  func mustBe(_ other: Outcome) {
    hold(self.isRefused == other.isRefused, "a refusal does not depend on how the lines arrive")
    if self.isRefused { return }
    hold(self.agreed == other.agreed && self.sent == other.sent, "an answer does not depend on how the lines arrive")
    hold(self.rest == other.rest, "the protocol's own bytes are kept")
  }
}

private func initiate(_ parts: [[UInt8]]) -> Outcome {
  var initiator = MultistreamInitiator(protocols: protocols)
  var outcome = Outcome(sent: initiator.start())
  var buffer: [UInt8] = []
  do throws(NegotiationError) {
    for part in parts {
      buffer += part
      receiving: while outcome.agreed == nil {
        switch try initiator.receive(&buffer) {
        case .needMore: break receiving
        case .send(let bytes): outcome.sent += bytes
        case .agreed(let name): outcome.agreed = name
        }
      }
    }
  } catch {
    outcome.isRefused = true
  }
  outcome.rest = buffer
  return outcome
}

private func respond(_ parts: [[UInt8]]) -> Outcome {
  var responder = MultistreamResponder()
  var outcome = Outcome()
  var buffer: [UInt8] = []
  do throws(NegotiationError) {
    for part in parts {
      buffer += part
      guard outcome.agreed == nil else { continue }
      switch try responder.receive(&buffer, supports: { protocols.contains($0) }) {
      case .needMore: break
      case .send(let bytes): outcome.sent += bytes
      case .agreed(let name, let reply):
        outcome.sent += reply
        outcome.agreed = name
      }
    }
  } catch {
    outcome.isRefused = true
  }
  outcome.rest = buffer
  return outcome
}
