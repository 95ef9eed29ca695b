/// A JSON value (RFC 8259). Members of objects keep their order.
package enum JSON: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  /// Not finite encodes as `null`: JSON has no other word for it.
  case double(Double)
  case string(String)
  case array([JSON])
  case object(Object)

  /// Members of an object, in order.
  package struct Object: Sendable, Equatable {
    package struct Member: Sendable, Equatable {
      package var name: String
      package var value: JSON

      package init(_ name: String, _ value: JSON) {
        self.name = name
        self.value = value
      }
    }

    package var members: [Member]

    package init(_ members: [Member] = []) { self.members = members }

    /// The value of the first member of that name.
    package subscript(name: String) -> JSON? {
      self.members.first { $0.name == name }?.value
    }

    package mutating func append(_ name: String, _ value: JSON) {
      self.members.append(Member(name, value))
    }
  }

  /// The value of a member; nil where this is no object or has no such member.
  package subscript(name: String) -> JSON? {
    guard case .object(let object) = self else { return nil }
    return object[name]
  }

  /// What people call this kind of value, for errors.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer: "an integer"
    case .double: "a number with a fraction"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

extension JSON {
  /// `nil` is `null`.
  package init(_ text: String?) { self = text.map(JSON.string) ?? .null }
  package init(_ flag: Bool) { self = .bool(flag) }
  package init(_ number: Int?) { self = number.map { .integer(Int64($0)) } ?? .null }
  package init(_ number: Int64?) { self = number.map(JSON.integer) ?? .null }
  package init(_ number: Double?) { self = number.map(JSON.double) ?? .null }
  /// Counters beyond 2^63 - 1 stay there.
  package init(_ number: UInt64?) { self = number.map { .integer(Int64(clamping: $0)) } ?? .null }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(nilLiteral: ()) { self = .null }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(integerLiteral value: Int64) { self = .integer(value) }
  package init(floatLiteral value: Double) { self = .double(value) }
  package init(stringLiteral value: String) { self = .string(value) }
  package init(arrayLiteral elements: JSON...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSON)...) {
    self = .object(Object(elements.map { Object.Member($0.0, $0.1) }))
  }
}

/// Why a text is not the JSON that was asked for, and where.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  package let message: String
  /// From 1; 0 where there is no place to point at.
  package let line: Int
  /// In characters from 1; 0 where there is no place to point at.
  package let column: Int

  package init(_ message: String, line: Int = 0, column: Int = 0) {
    self.message = message
    self.line = line
    self.column = column
  }

  package var description: String {
    self.line > 0 ? "line \(self.line), column \(self.column): \(self.message)" : self.message
  }
}
