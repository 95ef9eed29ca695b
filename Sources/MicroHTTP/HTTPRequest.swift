/// A whole request, as a handler gets it.
package struct HTTPRequest: Sendable {
  /// As sent: methods are case-sensitive (RFC 9110 §9.1).
  package var method: String
  /// The request target as sent, undecoded; for logs.
  package var rawTarget: String
  /// `nil` for the `*` of `OPTIONS *`.
  package var target: HTTPTarget?
  package var headers: HTTPHeaders
  package var body: [UInt8]
  /// Of the socket's other end, `127.0.0.1:50312` or `[::1]:50312`; of a Unix socket the user there, `uid:1000`.
  package var remoteAddress: String

  package init(
    method: String, rawTarget: String, target: HTTPTarget?, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = [],
    remoteAddress: String = ""
  ) {
    self.method = method
    self.rawTarget = rawTarget
    self.target = target
    self.headers = headers
    self.body = body
    self.remoteAddress = remoteAddress
  }
}

/// Header fields in their order, names compared without case (RFC 9110 §5.1).
package struct HTTPHeaders: Sendable, Equatable {
  package struct Field: Sendable, Equatable {
    package var name: String
    package var value: String
  }

  package var fields: [Field] = []

  package init() {}

  package init(_ fields: [(String, String)]) {
    self.fields = fields.map { Field(name: $0.0, value: $0.1) }
  }

  package mutating func append(_ name: String, _ value: String) {
    self.fields.append(Field(name: name, value: value))
  }

  /// The first value of that name.
  package subscript(name: String) -> String? {
    self.fields.first { Self.same($0.name, name) }?.value
  }

  /// Every value of that name, in order.
  package func all(_ name: String) -> [String] {
    self.fields.filter { Self.same($0.name, name) }.map(\.value)
  }

  private static func same(_ a: String, _ b: String) -> Bool {
    a.utf8.count == b.utf8.count && zip(a.utf8, b.utf8).allSatisfy { Self.lower($0) == Self.lower($1) }
  }

  private static func lower(_ byte: UInt8) -> UInt8 {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
  }
}
