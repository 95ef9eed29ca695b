import Foundation
import P2PCore
import Testing

@testable import Federation

/// Reads `Vectors/<name>.json` of the test bundle.
func loadVectors<Content: Decodable>(_ name: String) throws -> Content {
  let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Vectors"))
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return try decoder.decode(Content.self, from: Data(contentsOf: url))
}

func bytes(hex: String) throws -> [UInt8] {
  let digits = hex.compactMap { $0.hexDigitValue.map { UInt8($0) } }
  try #require(digits.count == hex.count && hex.count % 2 == 0, "not hex: \(hex)")
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

struct OfferVector: Decodable, Sendable {
  let versions: [String]
  let network: String
  let agent: String
  let capabilities: [String]
  let frameLimit: Int

  func offer() throws -> Offer {
    try Offer(
      spoken: VersionedProtocol(
        name: FederationProtocol.name, versions: self.versions.map { try #require(SemanticVersion($0)) }),
      network: self.network, agent: self.agent, capabilities: self.capabilities, frameLimit: self.frameLimit)
  }
}

struct AgreementVector: Decodable, Sendable, Equatable {
  struct Clock: Decodable, Sendable, Equatable {
    let offsetMs: Int64
    let roundTripMs: Int64
  }

  let version: String
  let network: String
  let capabilities: [String]
  let agent: String
  let sendLimit: Int
  let receiveLimit: Int
  let clock: Clock?

  init(_ agreement: Agreement) {
    self.version = agreement.version.description
    self.network = agreement.network
    self.capabilities = agreement.capabilities
    self.agent = agreement.agent
    self.sendLimit = agreement.sendLimit
    self.receiveLimit = agreement.receiveLimit
    self.clock = agreement.clock.map {
      Clock(offsetMs: $0.offsetMilliseconds, roundTripMs: $0.roundTripMilliseconds)
    }
  }
}

/// A message as the vectors have it: one of the keys is there.
struct MessageVector: Decodable, Sendable, Equatable {
  struct Hello: Decodable, Sendable, Equatable {
    var versions, capabilities: [String]
    var network, agent: String
    var frameLimit: Int
    var timeMs: UInt64
  }
  struct Accept: Decodable, Sendable, Equatable {
    var version: String
    var versions, capabilities: [String]
    var agent: String
    var frameLimit: Int
    var helloReceivedMs, timeMs: UInt64
  }
  struct Reject: Decodable, Sendable, Equatable {
    var code: UInt32
    var reason: String
  }
  struct KeepAlive: Decodable, Sendable, Equatable {
    var number, timeMs: UInt64
  }
  struct KeepAliveReply: Decodable, Sendable, Equatable {
    var number, timeMs, receivedMs, sentMs: UInt64
  }

  var hello: Hello?
  var accept: Accept?
  var reject: Reject?
  var keepAlive: KeepAlive?
  var keepAliveReply: KeepAliveReply?

  init(_ message: Message) {
    switch message {
    case .hello(let hello):
      self.hello = Hello(
        versions: hello.versions.map(\.description), capabilities: hello.capabilities, network: hello.network,
        agent: hello.agent, frameLimit: hello.frameLimit, timeMs: hello.timeMilliseconds)
    case .accept(let accept):
      self.accept = Accept(
        version: accept.version.description, versions: accept.versions.map(\.description),
        capabilities: accept.capabilities, agent: accept.agent, frameLimit: accept.frameLimit,
        helloReceivedMs: accept.helloReceivedMilliseconds, timeMs: accept.timeMilliseconds)
    case .reject(let reject):
      self.reject = Reject(code: reject.code.number, reason: reject.reason)
    case .keepAlive(let keepAlive):
      self.keepAlive = KeepAlive(number: keepAlive.number, timeMs: keepAlive.timeMilliseconds)
    case .keepAliveReply(let reply):
      self.keepAliveReply = KeepAliveReply(
        number: reply.number, timeMs: reply.timeMilliseconds, receivedMs: reply.receivedMilliseconds,
        sentMs: reply.sentMilliseconds)
    }
  }
}
