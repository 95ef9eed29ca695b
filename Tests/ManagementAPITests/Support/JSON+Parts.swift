import Jansson

extension JSON {
  var members: [Object.Member] {
    if case .object(let object) = self { object.members } else { [] }
  }
  var names: [String] { self.members.map(\.name) }
  var elements: [JSON] {
    if case .array(let elements) = self { elements } else { [] }
  }
  var count: Int { self.elements.count }
  var text: String? {
    if case .string(let text) = self { text } else { nil }
  }
  var number: Double? {
    switch self {
    case .integer(let number): Double(number)
    case .double(let number): number
    default: nil
    }
  }
}
