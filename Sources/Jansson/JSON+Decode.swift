internal import CJansson

extension JSON {
  /// Arrays and objects within each other, at most.
  package static let depthMax = 32

  /// Reads one JSON text. Strict: UTF-8 only, no duplicate members, no `\u0000`, nothing after the value,
  /// integers within 64 bits, at most `depthMax` levels.
  package init(decoding bytes: [UInt8], depthMax: Int = JSON.depthMax) throws(JSONError) {
    try Self.checkDepth(bytes, depthMax: depthMax)
    var error = json_error_t()
    let root = bytes.withUnsafeBytes { buffer in
      json_loadb(
        buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count,
        Int(JSON_REJECT_DUPLICATES | JSON_DECODE_ANY), &error)
    }
    guard let root else {
      guard !bytes.isEmpty else { throw JSONError("the text is empty") }
      throw JSONError(String(cString: cjansson_error_text(&error)), line: Int(error.line), column: Int(error.column))
    }
    defer { json_decref(root) }
    self.init(reading: root)
  }

  /// Before the parser sees the text, because the parser recurses.
  private static func checkDepth(_ bytes: [UInt8], depthMax: Int) throws(JSONError) {
    var depth = 0
    var line = 1
    var column = 0
    var inString = false
    var escaped = false
    for byte in bytes {
      // Continuation bytes belong to the character before.
      if byte & 0xC0 != 0x80 { column += 1 }
      if escaped {
        escaped = false
        continue
      }
      switch byte {
      case UInt8(ascii: "\n"):
        line += 1
        column = 0
      case UInt8(ascii: "\""):
        inString.toggle()
      case UInt8(ascii: "\\"):
        escaped = inString
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        guard !inString else { continue }
        depth += 1
        guard depth <= depthMax else {
          throw JSONError("more than \(depthMax) arrays and objects within each other", line: line, column: column)
        }
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        if !inString { depth -= 1 }
      default:
        break
      }
    }
  }

  private init(reading value: UnsafeMutablePointer<json_t>) {
    switch value.pointee.type {
    case JSON_OBJECT:
      var object = Object()
      object.members.reserveCapacity(json_object_size(value))
      var iterator = json_object_iter(value)
      while let current = iterator {
        if let name = json_object_iter_key(current), let member = json_object_iter_value(current) {
          object.append(String(cString: name), JSON(reading: member))
        }
        iterator = json_object_iter_next(value, current)
      }
      self = .object(object)
    case JSON_ARRAY:
      self = .array(
        (0..<json_array_size(value)).compactMap { index in json_array_get(value, index).map(JSON.init(reading:)) })
    case JSON_STRING:
      let bytes = UnsafeRawBufferPointer(start: json_string_value(value), count: json_string_length(value))
      self = .string(String(decoding: bytes, as: UTF8.self))
    case JSON_INTEGER:
      self = .integer(Int64(json_integer_value(value)))
    case JSON_REAL:
      self = .double(json_real_value(value))
    case JSON_TRUE:
      self = .bool(true)
    case JSON_FALSE:
      self = .bool(false)
    default:
      self = .null
    }
  }
}
