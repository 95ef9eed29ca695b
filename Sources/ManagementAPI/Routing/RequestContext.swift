internal import Jansson
internal import MicroHTTP
internal import P2PCore

/// A request that reached its route, and typed access to what it carries.
struct RequestContext: Sendable {
  let request: HTTPRequest
  let requestID: String
  /// Values of the path's parameters.
  let path: [String: String]
  let query: [HTTPTarget.Parameter]
  /// That the answer shall have.
  let mediaType: String

  // MARK: Path

  func peerID() throws(Problem) -> PeerID {
    try Self.peerID(self.path["peer_id"] ?? "", in: "the path")
  }

  static func peerID(_ text: String, in place: String) throws(Problem) -> PeerID {
    do throws(PeerIDError) {
      return try PeerID(text)
    } catch {
      throw Problem(.invalidPeerID, "in \(place): \(error.description)")
    }
  }

  // MARK: Query

  /// Every value of a parameter that may be repeated.
  func values(_ name: String) -> [String] { self.query.filter { $0.name == name }.map(\.value) }

  /// The value of a parameter that may be there once.
  func value(_ name: String) throws(Problem) -> String? {
    let values = self.values(name)
    guard values.count <= 1 else {
      throw Problem(.invalidParameter, "the query parameter \(name) is there \(values.count) times; give it once")
    }
    return values.first
  }

  func integer(_ name: String, in range: ClosedRange<Int>, default: Int) throws(Problem) -> Int {
    guard let text = try self.value(name) else { return `default` }
    guard let number = Int(text), range.contains(number) else {
      throw Problem(
        .invalidParameter,
        "the query parameter \(name) is \(quoted(text)); it must be an integer from \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return number
  }

  /// A flag that is true when it is there: `?verbose`, `?verbose=true`.
  func flag(_ name: String) throws(Problem) -> Bool {
    switch try self.value(name) {
    case nil, "false", "0": return false
    case "", "true", "1": return true
    case let text?:
      throw Problem(.invalidParameter, "the query parameter \(name) is \(quoted(text)); it must be true or false")
    }
  }

  /// Words of a closed set; empty when the parameter is not there.
  func choices<Choice: RawRepresentable & CaseIterable & Hashable>(
    _ name: String, _: Choice.Type
  ) throws(Problem) -> Set<Choice> where Choice.RawValue == String {
    var choices: Set<Choice> = []
    for text in self.values(name) {
      guard let choice = Choice(rawValue: text) else {
        let known = Choice.allCases.map(\.rawValue).joined(separator: ", ")
        throw Problem(.invalidParameter, "the query parameter \(name) is \(quoted(text)); it must be one of \(known)")
      }
      choices.insert(choice)
    }
    return choices
  }

  func peerIDs(_ name: String) throws(Problem) -> Set<PeerID> {
    var peers: Set<PeerID> = []
    for text in self.values(name) { peers.insert(try Self.peerID(text, in: "the query parameter \(name)")) }
    return peers
  }

  // MARK: Body

  /// The members of the body, none when there is no body.
  func body(_ fields: [String]) throws(Problem) -> BodyFields {
    try BodyFields(self.request.body, allowed: fields)
  }

  // MARK: Answers

  func json(_ value: JSON, status: Int = 200) -> HTTPResponse { self.json(status: status) { $0.put(value) } }

  func json(_ value: some JSONWritable, status: Int = 200) -> HTTPResponse {
    self.json(status: status) { value.write(to: &$0) }
  }

  func json(status: Int = 200, _ write: (inout JSONWriter) -> Void) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: HTTPHeaders([("Content-Type", MediaType.header(MediaType.json))]),
      body: JSONWriter.text(terminator: UInt8(ascii: "\n"), write))
  }

  /// In the negotiated type.
  func text(_ bytes: [UInt8], status: Int = 200, type: String? = nil) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: HTTPHeaders([("Content-Type", type ?? MediaType.header(self.mediaType))]), body: bytes)
  }
}
