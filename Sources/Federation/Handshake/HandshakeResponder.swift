internal import P2PCore

/// The side that a stream was opened to: waits for one Hello, and accepts or rejects it.
package struct HandshakeResponder: Sendable {
  private enum State: Sendable {
    case awaitingHello
    /// Accepted, rejected or given up.
    case over
  }

  private let offer: Offer
  private let protocolID: String
  private var state = State.awaitingHello

  /// `protocolID` is the id that multistream-select agreed on.
  package init(offer: Offer, protocolID: String) {
    self.offer = offer
    self.protocolID = protocolID
  }

  package enum OnFrame: Sendable, Hashable {
    /// Send the frame; the session is on.
    case accept(Agreement, send: [UInt8])
    /// Send the frame and end our side.
    case reject(Rejection, send: [UInt8])
    /// It is over already.
    case nothing
  }

  /// The first frame is here. `isMember`: the sender, as the connection proves it, is a member. `bytesBehind`:
  /// something came with the frame. Times are our clock's, milliseconds since the Unix epoch.
  package mutating func received(
    _ frame: [UInt8], isMember: Bool, bytesBehind: Bool, receivedMilliseconds: UInt64, nowMilliseconds: UInt64
  ) -> OnFrame {
    switch self.state {
    case .over:
      return .nothing
    case .awaitingHello:
      self.state = .over
      do throws(Rejection) {
        let hello = try Self.hello(frame)
        if !isMember { throw Rejection(.notAMember) }
        try self.checkNetwork(hello)
        let version = try self.version(hello)
        if bytesBehind { throw Rejection(.earlyBytes) }
        return self.accepted(hello, version, received: receivedMilliseconds, now: nowMilliseconds)
      } catch {
        return .reject(error, send: error.frame)
      }
    }
  }

  /// There will be no hello that we take: it is late, too large, cut short, or we want none now.
  package mutating func refuse(_ rejection: Rejection) -> OnFrame {
    switch self.state {
    case .over:
      return .nothing
    case .awaitingHello:
      self.state = .over
      return .reject(rejection, send: rejection.frame)
    }
  }

  private static func hello(_ frame: [UInt8]) throws(Rejection) -> Hello {
    if frame.count > FederationProtocol.handshakeFrameMax { throw Rejection(.helloTooLarge) }
    let message: Message?
    do { message = try Message(frame: frame) } catch { throw Rejection(.malformed, "\(error)") }
    guard case .hello(let hello)? = message else {
      throw Rejection(.malformed, "\(message?.name ?? "an unknown message") where a hello belongs")
    }
    return hello
  }

  private func checkNetwork(_ hello: Hello) throws(Rejection) {
    if hello.network == self.offer.network { return }
    throw Rejection(.networkMismatch, "you are on \(hello.network), this node is on \(self.offer.network)")
  }

  private func version(_ hello: Hello) throws(Rejection) -> SemanticVersion {
    guard let ours = self.offer.spoken.accepts(self.protocolID) else {
      throw Rejection(.noCommonVersion, "\(quoted(self.protocolID)) is not spoken here")
    }
    guard let theirs = ours.best(matchIn: hello.versions) else {
      throw Rejection(.offerMismatch, "the hello does not offer \(ours.major).\(ours.minor), which was negotiated")
    }
    if let best = self.offer.spoken.best(inCommonWith: hello.versions), !best.matches(ours) {
      throw Rejection(
        .offerMismatch,
        "\(best.major).\(best.minor) is spoken on both sides, but \(ours.major).\(ours.minor) was negotiated")
    }
    return min(ours, theirs)
  }

  private func accepted(
    _ hello: Hello, _ version: SemanticVersion, received: UInt64, now: UInt64
  ) -> OnFrame {
    let capabilities = self.offer.capabilities(inCommonWith: hello.capabilities)
    let agreement = Agreement(
      version: version, network: hello.network, capabilities: capabilities, agent: hello.agent,
      sendLimit: hello.frameLimit, receiveLimit: self.offer.frameLimit, sinceMilliseconds: now, clock: nil)
    let frame = self.offer.acceptFrame(
      version, capabilities: capabilities, helloReceivedMilliseconds: received, timeMilliseconds: now)
    return .accept(agreement, send: frame)
  }
}
