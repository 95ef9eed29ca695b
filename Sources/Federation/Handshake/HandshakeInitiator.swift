internal import P2PCore

/// The side that opened a stream: sends one Hello and waits for the answer.
package struct HandshakeInitiator: Sendable {
  private enum State: Sendable {
    case idle
    /// The hello left, at this time of our clock.
    case awaitingAnswer(sentMilliseconds: UInt64)
    case over
  }

  private let offer: Offer
  private var state = State.idle

  package init(offer: Offer) { self.offer = offer }

  /// The frame to send first. Once. `nowMilliseconds`: our clock, since the Unix epoch.
  package mutating func start(nowMilliseconds: UInt64) -> [UInt8] {
    guard case .idle = self.state else { preconditionFailure("a handshake is begun twice") }
    self.state = .awaitingAnswer(sentMilliseconds: nowMilliseconds)
    return self.offer.helloFrame(timeMilliseconds: nowMilliseconds)
  }

  package enum OnFrame: Sendable, Hashable {
    /// The session is on.
    case agreed(Agreement)
    /// There is none. Send the frame, if there is one, and end our side.
    case rejected(Rejection, send: [UInt8]?)
    /// It is over already.
    case nothing
  }

  /// The remote's first frame is here. `protocolID` is the id that multistream-select agreed on.
  package mutating func received(_ frame: [UInt8], protocolID: String, nowMilliseconds: UInt64) -> OnFrame {
    switch self.state {
    case .idle: preconditionFailure("an answer before the hello")
    case .over: return .nothing
    case .awaitingAnswer(let sent):
      self.state = .over
      do throws(Rejection) {
        return .agreed(try self.answer(frame, protocolID, sent: sent, now: nowMilliseconds))
      } catch {
        return .rejected(error, send: error.by == .local ? error.frame : nil)
      }
    }
  }

  /// There will be no answer that we take: it is late, too large or cut short, or we want none any more.
  package mutating func refuse(_ rejection: Rejection) -> OnFrame {
    switch self.state {
    case .over:
      return .nothing
    case .idle, .awaitingAnswer:
      self.state = .over
      return .rejected(rejection, send: rejection.frame)
    }
  }

  private func answer(
    _ frame: [UInt8], _ protocolID: String, sent: UInt64, now: UInt64
  ) throws(Rejection) -> Agreement {
    let message: Message?
    do { message = try Message(frame: frame) } catch { throw Rejection(.malformed, "\(error)") }
    switch message {
    case .reject(let reject)?: throw Rejection(reject)
    case .accept(let accept)?:
      let version = try self.version(accept, protocolID)
      try self.checkCapabilities(accept)
      return Agreement(
        version: version, network: self.offer.network, capabilities: Self.sorted(accept.capabilities),
        agent: accept.agent, sendLimit: accept.frameLimit, receiveLimit: self.offer.frameLimit, sinceMilliseconds: now,
        clock: ClockOffset.Sample(
          sent: sent, remoteReceived: accept.helloReceivedMilliseconds, remoteSent: accept.timeMilliseconds,
          received: now))
    case .hello?, .keepAlive?, .keepAliveReply?, nil:
      throw Rejection(.malformed, "\(message?.name ?? "an unknown message") where an accept or a reject belongs")
    }
  }

  private func version(_ accept: Accept, _ protocolID: String) throws(Rejection) -> SemanticVersion {
    guard let ours = self.offer.spoken.accepts(protocolID) else {
      throw Rejection(.noCommonVersion, "\(quoted(protocolID)) is not spoken here")
    }
    guard accept.version.matches(ours) else {
      throw Rejection(
        .offerMismatch, "\(ours.major).\(ours.minor) was negotiated, but \(accept.version) was accepted")
    }
    guard accept.versions.contains(where: { $0.matches(ours) }) else {
      throw Rejection(.offerMismatch, "the accept does not list \(ours.major).\(ours.minor), which was negotiated")
    }
    if let best = self.offer.spoken.best(inCommonWith: accept.versions), !best.matches(ours) {
      throw Rejection(
        .offerMismatch,
        "\(best.major).\(best.minor) is spoken on both sides, but \(ours.major).\(ours.minor) was negotiated")
    }
    return min(ours, accept.version)
  }

  private func checkCapabilities(_ accept: Accept) throws(Rejection) {
    if accept.capabilities.isEmpty { return }
    let offered = Set(self.offer.capabilities)
    if let stranger = accept.capabilities.first(where: { !offered.contains($0) }) {
      throw Rejection(.offerMismatch, "the capability \(quoted(stranger)) was accepted, which was not offered")
    }
  }

  private static func sorted(_ capabilities: [String]) -> [String] {
    capabilities.isEmpty ? [] : Set(capabilities).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
