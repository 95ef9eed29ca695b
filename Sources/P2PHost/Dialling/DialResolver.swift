internal import P2PCore

/// An address to try, which leads to an IP endpoint.
struct DialCandidate: Sendable, Hashable {
  /// Without `/p2p`.
  let address: Multiaddr
  /// The name that was resolved to it.
  let resolvedFrom: Multiaddr?
  /// Who must answer; nil for anyone.
  let peer: PeerID?
}

/// Turns the addresses of a dial into candidates, in their order.
struct DialResolver: Sendable {
  /// Endpoints taken from one name, all its `dnsaddr` records together.
  static let answersMax = 100
  /// Names looked up for one address; records that lead from each to many would multiply.
  static let lookupsMax = 64
  /// Steps from one `dnsaddr` to the next.
  static let depthMax = 4

  let resolve: NameResolver
  /// Nil where `/dnsaddr` is not supported.
  let resolveText: TextResolver?

  /// One address to dial and who must answer.
  struct Input: Sendable {
    let address: Multiaddr
    let peer: PeerID?

    /// Whether a name must be looked up.
    var needsLookup: Bool {
      do {
        if case .endpoint = try self.address.quicTarget() { return false }
        return true
      } catch {
        return false
      }
    }
  }

  enum Outcome: Sendable {
    case candidates([DialCandidate])
    case failed(DialError)
  }

  /// Names are looked up side by side.
  func expand(_ inputs: [Input]) async -> [Outcome] {
    await withTaskGroup(of: (Int, Outcome).self) { group in
      for (index, input) in inputs.enumerated() {
        group.addTask {
          do throws(DialError) {
            var lookups = 0
            return (index, .candidates(try await self.expand(input, depth: 0, &lookups)))
          } catch {
            return (index, .failed(error))
          }
        }
      }
      var outcomes = [Outcome](repeating: .candidates([]), count: inputs.count)
      for await (index, outcome) in group { outcomes[index] = outcome }
      return outcomes
    }
  }

  private func expand(
    _ input: Input, depth: Int, _ lookups: inout Int
  ) async throws(DialError) -> [DialCandidate] {
    if let named = input.address.peerID, let peer = input.peer, named != peer {
      throw DialError(
        .invalidAddress, "\(input.address) is an address of \(named), but \(peer) was asked for; drop its /p2p part",
        temporary: false)
    }
    switch try input.address.quicTarget() {
    case .endpoint:
      return [DialCandidate(address: input.address.withoutPeerID, resolvedFrom: nil, peer: input.peer)]
    case .name(let name, let family, let port):
      try Self.count(&lookups, name)
      let answers: [[UInt8]]
      do {
        answers = try await self.resolve(name, family)
      } catch {
        throw Self.lookupFailed(name, error)
      }
      let endpoints = answers.filter { $0.count == 4 || $0.count == 16 }.prefix(Self.answersMax)
      guard !endpoints.isEmpty else {
        throw DialError(.dnsFailure, "\(name) has no address of the family that was asked for", temporary: true)
      }
      return endpoints.map {
        DialCandidate(
          address: Multiaddr(quic: IPEndpoint(address: $0, port: port)), resolvedFrom: input.address, peer: input.peer)
      }
    case .dnsaddr(let name):
      return try await self.expand(dnsaddr: name, input, depth: depth, &lookups)
    }
  }

  private static func count(_ lookups: inout Int, _ name: String) throws(DialError) {
    lookups += 1
    guard lookups <= Self.lookupsMax else {
      throw DialError(
        .dnsFailure, "\(name) is one of more than \(Self.lookupsMax) names that the address leads to", temporary: false)
    }
  }

  private func expand(
    dnsaddr name: String, _ input: Input, depth: Int, _ lookups: inout Int
  ) async throws(DialError) -> [DialCandidate] {
    guard let resolveText else {
      throw DialError(
        .unsupportedTransport, "/dnsaddr needs a TXT lookup, which is not set up here; use /ip4, /ip6 or /dns",
        temporary: false)
    }
    guard depth < Self.depthMax else {
      throw DialError(.dnsFailure, "\(name) leads through more than \(Self.depthMax) dnsaddr names", temporary: false)
    }
    try Self.count(&lookups, name)
    let records: [String]
    do {
      records = try await resolveText("_dnsaddr.\(name)")
    } catch {
      throw Self.lookupFailed(name, error)
    }
    var found: [DialCandidate] = []
    var lastError = DialError(.dnsFailure, "\(name) has no dnsaddr record that this node can dial", temporary: true)
    for record in records.prefix(Self.answersMax)
    where record.hasPrefix("dnsaddr=") && found.count < Self.answersMax {
      do {
        let address = try Multiaddr(String(record.dropFirst("dnsaddr=".count)))
        guard address.isAnswer(to: input.address), input.peer == nil || address.peerID ?? input.peer == input.peer
        else { continue }
        let next = Input(address: address, peer: input.peer ?? address.peerID)
        for candidate in try await self.expand(next, depth: depth + 1, &lookups) {
          found.append(
            DialCandidate(address: candidate.address, resolvedFrom: input.address, peer: candidate.peer))
        }
      } catch let error as DialError {
        lastError = error
      } catch {
        continue
      }
    }
    guard !found.isEmpty else { throw lastError }
    return Array(found.prefix(Self.answersMax))
  }

  private static func lookupFailed(_ name: String, _ error: any Error) -> DialError {
    if error is CancellationError {
      return DialError(.cancelled, "cancelled while looking up \(name)", temporary: true)
    }
    return DialError(.dnsFailure, "looking up \(name): \(error)", temporary: true)
  }
}
