internal import Jansson

/// The members of a body that is a JSON object of known fields. `null` is the same as leaving a field out.
struct BodyFields {
  private let object: JSON.Object

  init(_ body: [UInt8], allowed: [String]) throws(Problem) {
    guard !body.isEmpty else {
      self.object = JSON.Object()
      return
    }
    let value: JSON
    do throws(JSONError) {
      value = try JSON(decoding: body)
    } catch {
      var members: [JSON.Object.Member] = []
      if error.line > 0 { members = [.init("line", JSON(error.line)), .init("column", JSON(error.column))] }
      throw Problem(.invalidJSON, "the body is not valid JSON: \(error)", members: members)
    }
    guard case .object(let object) = value else {
      throw Problem(.invalidField, "the body must be a JSON object; it is \(value.kind)")
    }
    for member in object.members where !allowed.contains(member.name) {
      throw Problem(
        .unknownField,
        "the field \(quoted(member.name)) is unknown; known are \(allowed.joined(separator: ", "))",
        members: [.init("field", .string(member.name))])
    }
    self.object = object
  }

  private func value(_ name: String) -> JSON? {
    let value = self.object[name]
    return value == .null ? nil : value
  }

  /// - Parameter lengthMax: in Unicode code points, as JSON Schema counts.
  func string(_ name: String, lengthMax: Int = 1_024) throws(Problem) -> String? {
    guard let value = self.value(name) else { return nil }
    guard case .string(let text) = value else { throw Self.invalid(name, "must be a string; it is \(value.kind)") }
    guard text.unicodeScalars.count <= lengthMax else {
      throw Self.invalid(name, "must have at most \(lengthMax) characters")
    }
    guard Self.isPlain(text) else { throw Self.invalid(name, "must not have control characters") }
    return text
  }

  func strings(_ name: String, countMax: Int) throws(Problem) -> [String]? {
    guard let value = self.value(name) else { return nil }
    guard case .array(let elements) = value else {
      throw Self.invalid(name, "must be an array of strings; it is \(value.kind)")
    }
    guard elements.count <= countMax else { throw Self.invalid(name, "must have at most \(countMax) elements") }
    var texts: [String] = []
    for element in elements {
      guard case .string(let text) = element else {
        throw Self.invalid(name, "must be an array of strings; it holds \(element.kind)")
      }
      texts.append(text)
    }
    return texts
  }

  /// The members of an object of strings.
  func texts(_ name: String, countMax: Int) throws(Problem) -> [(name: String, text: String)]? {
    guard let value = self.value(name) else { return nil }
    guard case .object(let object) = value else {
      throw Self.invalid(name, "must be an object of strings; it is \(value.kind)")
    }
    guard object.members.count <= countMax else { throw Self.invalid(name, "must have at most \(countMax) members") }
    var texts: [(name: String, text: String)] = []
    for member in object.members {
      guard case .string(let text) = member.value else {
        throw Self.invalid("\(name).\(member.name)", "must be a string; it is \(member.value.kind)")
      }
      texts.append((member.name, text))
    }
    return texts
  }

  /// 5.0 and 5e0 are integers as well (JSON Schema 2020-12, validation §6.1.1).
  func integer(_ name: String, in range: ClosedRange<Int64>) throws(Problem) -> Int64? {
    guard let value = self.value(name) else { return nil }
    let number: Int64?
    switch value {
    case .integer(let integer): number = integer
    case .double(let double): number = Int64(exactly: double)
    default: number = nil
    }
    guard let number, range.contains(number) else {
      throw Self.invalid(name, "must be an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return number
  }

  func bool(_ name: String) throws(Problem) -> Bool? {
    guard let value = self.value(name) else { return nil }
    guard case .bool(let flag) = value else { throw Self.invalid(name, "must be true or false; it is \(value.kind)") }
    return flag
  }

  /// Without control characters of ASCII, which could forge what people read in logs and tables.
  static func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }

  static func invalid(_ name: String, _ rule: String) -> Problem {
    Problem(.invalidField, "the field \(name) \(rule)", members: [.init("field", .string(name))])
  }
}
