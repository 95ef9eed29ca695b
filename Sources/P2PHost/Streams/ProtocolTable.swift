internal import P2PCore

/// Which handler serves which protocol id.
struct ProtocolTable {
  static let idsMax = 256
  static let idBytesMax = 256

  /// A proposal in one flight, as nearly every initiator sends it: the header and the id. Our answer is the same bytes.
  final class Proposal: Sendable {
    let bytes: [UInt8]
    let id: String
    let registration: Registration

    init(_ id: String, _ registration: Registration) {
      self.bytes = MultistreamInitiator.proposal(of: id)
      self.id = id
      self.registration = registration
    }
  }

  private(set) var proposals: [Proposal] = []
  private var exact: [String: Registration] = [:]
  /// Those that serve versions, asked in turn when no id fits exactly.
  private var versioned: [(protocol: VersionedProtocol, registration: Registration)] = []
  private(set) var registrations: [Registration] = []
  /// Those that serve nothing more while streams of theirs are open; bounded by the streams there may be.
  private(set) var withdrawn: [Registration] = []

  /// Sorted.
  var ids: [String] { self.exact.keys.sorted() }

  /// The one that `bytes` begin with.
  func proposal(at bytes: [UInt8]) -> Proposal? {
    self.proposals.first { bytes.begins(with: $0.bytes) }
  }

  func find(_ id: String) -> Registration? {
    self.exact[id] ?? self.versioned.first { $0.protocol.accepts(id) != nil }?.registration
  }

  /// The one that speaks other versions of what `id` names.
  func relative(of id: String) -> Registration? {
    self.versioned.first { $0.protocol.version(ofID: id) != nil }?.registration
  }

  /// Why it cannot be added, nil when it was.
  mutating func add(_ registration: Registration) -> ProtocolRegistrationError? {
    let ids = registration.ids
    if ids.isEmpty { return .nothingServed }
    if let bad = ids.first(where: { !Self.isID($0) }) { return .badID(bad, limit: Self.idBytesMax) }
    if Set(ids).count < ids.count { return .alreadyRegistered(ids.first { id in ids.count { $0 == id } > 1 } ?? "") }
    // Also where it would be proposed with another patch.
    if let taken = ids.first(where: { self.find($0) != nil }) { return .alreadyRegistered(taken) }
    if case .versions(let versioned) = registration.serves,
      let taken = self.exact.keys.first(where: { versioned.accepts($0) != nil })
    {
      return .alreadyRegistered(taken)
    }
    if self.exact.count + ids.count > Self.idsMax { return .tooMany(limit: Self.idsMax) }
    for id in ids {
      self.exact[id] = registration
      self.proposals.append(Proposal(id, registration))
    }
    if case .versions(let versioned) = registration.serves { self.versioned.append((versioned, registration)) }
    self.registrations.append(registration)
    return nil
  }

  /// Takes out what serves `id`, with all of its ids; these are returned, none when nobody serves it.
  mutating func withdraw(_ id: String) -> [String] {
    guard let registration = self.exact[id] else { return [] }
    for id in registration.ids { self.exact[id] = nil }
    self.proposals.removeAll { $0.registration === registration }
    self.versioned.removeAll { $0.registration === registration }
    self.registrations.removeAll { $0 === registration }
    if !registration.isIdle { self.withdrawn.append(registration) }
    return registration.ids
  }

  /// A stream of `registration` has ended.
  mutating func streamEnded(of registration: Registration) {
    if registration.isIdle, !self.withdrawn.isEmpty { self.withdrawn.removeAll { $0 === registration } }
  }

  private static func isID(_ id: String) -> Bool {
    (1...Self.idBytesMax).contains(id.utf8.count) && id.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }
}
