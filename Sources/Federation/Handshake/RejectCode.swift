/// Why there is no session, or no longer. Numbers go over the wire, words into API, events and metrics.
package enum RejectCode: Sendable, Hashable, CustomStringConvertible {
  /// Bytes that are no frame, a frame that breaks the rules of federation.proto, or a message out of place.
  case malformed
  case networkMismatch
  case noCommonVersion
  case notAMember
  case helloTimeout
  case helloTooLarge
  /// A Hello after the first.
  case secondHello
  /// Something behind the Hello before the Accept.
  case earlyBytes
  /// What was offered or answered does not fit what was negotiated: one side was made to speak a lower version.
  case offerMismatch
  /// A limit of the sender is reached.
  case busy
  case shuttingDown
  /// Of a newer minor version.
  case other(UInt32)

  /// Those that have a word.
  package static let known: [RejectCode] = [
    .malformed, .networkMismatch, .noCommonVersion, .notAMember, .helloTimeout, .helloTooLarge, .secondHello,
    .earlyBytes, .offerMismatch, .busy, .shuttingDown,
  ]

  package init(_ number: UInt32) {
    self = Self.known.first { $0.number == number } ?? .other(number)
  }

  package var number: UInt32 {
    switch self {
    case .malformed: 1
    case .networkMismatch: 2
    case .noCommonVersion: 3
    case .notAMember: 4
    case .helloTimeout: 5
    case .helloTooLarge: 6
    case .secondHello: 7
    case .earlyBytes: 8
    case .offerMismatch: 9
    case .busy: 10
    case .shuttingDown: 11
    case .other(let number): number
    }
  }

  package var word: String {
    switch self {
    case .malformed: "malformed"
    case .networkMismatch: "network_mismatch"
    case .noCommonVersion: "no_common_version"
    case .notAMember: "not_a_member"
    case .helloTimeout: "hello_timeout"
    case .helloTooLarge: "hello_too_large"
    case .secondHello: "second_hello"
    case .earlyBytes: "early_bytes"
    case .offerMismatch: "offer_mismatch"
    case .busy: "busy"
    case .shuttingDown: "shutting_down"
    case .other(let number): "code_\(number)"
    }
  }

  package var description: String { self.word }

  /// It stays so until somebody changes something on one of the two sides.
  package var isPermanent: Bool {
    switch self {
    case .networkMismatch, .noCommonVersion, .notAMember, .offerMismatch: true
    case .malformed, .helloTimeout, .helloTooLarge, .secondHello, .earlyBytes, .busy, .shuttingDown, .other: false
    }
  }

  /// What is said where there is nothing more to say.
  package var sentence: String {
    switch self {
    case .malformed: "a frame could not be read"
    case .networkMismatch: "the two nodes are on different networks"
    case .noCommonVersion: "there is no version of the protocol that both nodes speak"
    case .notAMember: "the sender is not a member here; its operator has to be asked to add it"
    case .helloTimeout: "no hello within \(FederationProtocol.handshakeTimeout.components.seconds) s"
    case .helloTooLarge: "a hello of more than \(FederationProtocol.handshakeFrameMax) bytes"
    case .secondHello: "a second hello"
    case .earlyBytes: "bytes behind the hello before it was accepted"
    case .offerMismatch: "the versions that were offered do not fit the version that was negotiated"
    case .busy: "a limit is reached; try again later"
    case .shuttingDown: "the node is shutting down"
    case .other: "a reason that this version does not know"
    }
  }
}
